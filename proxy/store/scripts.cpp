#include "proxy/store/scripts.hpp"

#include "proxy/store/script_texts.hpp"

namespace sidecache::store {

namespace {

struct source {
    std::string_view before;
    std::string_view body;
    bool for_mutations;
};

constexpr std::array<source, script_count> sources{{
    {script_texts::tag_value, script_texts::tag_snapshot, false},
    {script_texts::tag_value, script_texts::tag_begin, true},
    {script_texts::tag_value, script_texts::tag_end, true},
    {"", script_texts::lock_release, true},
    {"", script_texts::lock_extend, false},
    {"", script_texts::index_add, false},
    {"", script_texts::index_room, false},
    {"", script_texts::entry_remove, true},
    {"", script_texts::member_renew, true},
    {"", script_texts::member_dismiss, true},
}};

}  // namespace

std::string script_text(script s, bool may_exceed_memory) {
    auto const& from = sources[static_cast<std::size_t>(s)];
    std::string text;
    if (may_exceed_memory && from.for_mutations) {
        text += "#!lua flags=allow-oom\n";
    }
    text += from.before;
    text += from.body;
    return text;
}

}  // namespace sidecache::store
