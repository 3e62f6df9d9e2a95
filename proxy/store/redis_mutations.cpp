/// begin and end of a mutation in Redis (protocol.md sections 3.2 and 3.5). A large fan-out goes in
/// parts, each a round trip with a deadline of its own: other callers' commands come in between,
/// and no part is so long that they time out behind it.
#include "proxy/store/audience.hpp"
#include "proxy/store/members.hpp"
#include "proxy/store/mutation_words.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/redis_store.hpp"
#include "proxy/store/resp_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using telemetry::store_command;

void append_index_head(std::string& out, std::string_view tag) {
    append_command(out, "ZRANGE"sv, prefixed{names::index, tag}, "0"sv, noted_at_once - 1);
}

/// Keys of an index that are to go, and an exact one.
struct removal {
    std::string_view tag;
    std::string_view exact_key;  // may be empty
    /// The keys in the tag's index; nullopt: nobody has looked.
    std::optional<std::vector<std::string>> noted;
    /// Further tags in whose indexes the keys are counted.
    std::vector<std::string> counted;
};

void append_forget(std::string& out,
                   std::string_view tag,
                   std::vector<std::string> const& keys,
                   std::string_view exact_key) {
    start_command(out, 2 + keys.size() + (exact_key.empty() ? 0 : 1));
    append_word(out, "ZREM"sv);
    append_word(out, prefixed{names::index, tag});
    for (auto const& key : keys) {
        append_word(out, std::string_view(key));
    }
    if (!exact_key.empty()) {
        append_word(out, exact_key);
    }
}

/// ZREM of the keys, from each index that they are in, and UNLINK; returns how many commands, whose
/// last is the UNLINK.
std::size_t append_removal(std::string& out, removal const& r) {
    static std::vector<std::string> const none;
    auto const& keys = r.noted ? *r.noted : none;
    auto const exact_key = r.exact_key;
    if (keys.empty() && exact_key.empty()) {
        return 0;
    }
    std::size_t commands = 1;
    if (!keys.empty()) {
        append_forget(out, r.tag, keys, {});
        ++commands;
    }
    for (auto const& counted : r.counted) {
        append_forget(out, counted, keys, exact_key);
        ++commands;
    }
    start_command(out, 1 + keys.size() + (exact_key.empty() ? 0 : 1));
    append_word(out, "UNLINK"sv);
    for (auto const& key : keys) {
        append_word(out, std::string_view(key));
    }
    if (!exact_key.empty()) {
        append_word(out, exact_key);
    }
    return commands;
}

/// Entry and tags in one MGET; nothing where there is nothing to read.
std::size_t append_lookups(std::string& out, std::span<lookup const> lookups) {
    for (auto const& each : lookups) {
        bool const has_key = !each.key.empty();
        start_command(out, 1 + (has_key ? 1 : 0) + each.tags->size());
        append_word(out, "MGET"sv);
        if (has_key) {
            append_word(out, each.key);
        }
        for (std::size_t i = 0; i < each.tags->size(); ++i) {
            append_word(out, names::tag, (*each.tags)[i]);
        }
    }
    return lookups.size();
}

/// From the replies at `at`; false: one of them is not what MGET says.
bool take_lookups(asked const& a,
                  std::size_t at,
                  std::span<lookup const> lookups,
                  std::vector<reading>& into) {
    for (auto const& each : lookups) {
        auto const got = a.replies[at++];
        std::size_t const first = each.key.empty() ? 0 : 1;
        if (got.size() != first + each.tags->size()) {
            into.clear();
            return false;
        }
        auto& one = into.emplace_back();
        one.by = a.by;
        if (first != 0) {
            one.entry = got[0].shared_text();
        }
        for (std::size_t i = first; i < got.size(); ++i) {
            one.tags.push_back(read_tag(got[i].text()));
        }
    }
    return true;
}

/// What stands behind a batch: PUBLISH if there is something to say, the members if anybody asks.
std::size_t append_rest(std::string& out, std::string_view drop, bool reads_members) {
    if (!drop.empty()) {
        append_command(out, "PUBLISH"sv, names::events, drop);
    }
    if (!drop.empty() || reads_members) {
        append_command(out, "HGETALL"sv, names::members);
        return drop.empty() ? 1 : 2;
    }
    return 0;
}

template <class Reply>
store_error take_rest(asked const& a,
                      std::size_t at,
                      std::string_view drop,
                      announcement const* announced,
                      redis_process& process,
                      Reply& into) {
    bool const was_told = !drop.empty() && a.replies[at].is_integer();
    at += drop.empty() ? 0 : 1;
    if (drop.empty() && announced == nullptr) {
        return store_error::ok;
    }
    auto const all = a.replies[at];
    if (!all.is_array()) {
        return store_error::refused;  // who else is there must be known
    }
    if (was_told) {
        into.told = read_audience(all, process);
    }
    if (announced != nullptr) {
        read_rules(all,
                   *announced,
                   process,
                   into.by.server_now_ms,
                   into.foreign_fingerprint,
                   into.foreign_rules);
    }
    return store_error::ok;
}

}  // namespace

task<result<begun>> redis_store::begin(mutation_id id,
                                       std::span<begin_mark const> marks,
                                       std::chrono::milliseconds life,
                                       std::chrono::milliseconds keep_tags) {
    auto b = co_await begin_with(id, marks, life, keep_tags, {});
    co_return b;
}

task<result<ended>> redis_store::end(mutation_id id,
                                     std::span<end_mark const> marks,
                                     std::chrono::milliseconds life,
                                     std::chrono::milliseconds keep_tags) {
    auto e = co_await end_with(id, marks, life, keep_tags, {});
    co_return e;
}

task<result<begun>> redis_store::begin_with(mutation_id id,
                                            std::span<begin_mark const> marks,
                                            std::chrono::milliseconds life,
                                            std::chrono::milliseconds keep_tags,
                                            companions also) {
    for (int round = 0; round < most_rounds; ++round) {
        begun b;
        b.tags.reserve(marks.size());
        std::optional<id128> server;
        std::size_t at = 0;
        do {
            part<begin_mark> some{
                id, marks.subspan(at, std::min(part_size, marks.size() - at)), life, keep_tags};
            at += some.marks.size();
            // The rest last: who looks or drops finds every mark, and so does who joins afterwards.
            if (at == marks.size()) {
                some.also = also;
                some.reads_members = true;
            }
            auto const error = co_await begin_part(some, b);
            if (error != store_error::ok) {
                co_return error;
            }
            if (server && *server != b.by.server) {
                break;
            }
            server = b.by.server;
            if (at == marks.size()) {
                co_return b;
            }
        } while (at < marks.size());
    }
    co_return store_error::unreachable;
}

task<store_error> redis_store::begin_part(part<begin_mark> const& what, begun& into) {
    auto& process = caller_.target().process();
    auto const announced = what.reads_members ? process.announced() : nullptr;
    auto const write = [&](std::string& out, session const& s) {
        for (auto const& m : what.marks) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::tag_begin),
                           "1"sv,
                           prefixed{names::tag, m.tag},
                           process.ids.next(),
                           what.keep_tags,
                           what.id,
                           kind_word(m.kind),
                           what.life);
            append_index_head(out, m.tag);
        }
        auto const looks = append_lookups(out, what.also.lookups);
        auto const rest = append_rest(out, what.also.drop, announced != nullptr);
        return 2 * what.marks.size() + looks + rest;
    };
    call_plan const plan{store_command::begin, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    into.by = a.by;
    for (std::size_t i = 0; i < what.marks.size(); ++i) {
        auto const value = parse_tag(a.replies[2 * i].text());
        if (!value || !a.replies[2 * i].is_text()) {
            co_return a.replies[2 * i].is_error() ? store_error::refused : store_error::malformed;
        }
        into.tags.push_back({value->gen, has_other_marker(*value, what.id)});
        noted_.note(what.id, what.marks[i].tag, texts_of(a.replies[2 * i + 1]));
    }
    auto const looks_at = 2 * what.marks.size();
    take_lookups(a, looks_at, what.also.lookups, into.seen);
    auto const rest_at = looks_at + what.also.lookups.size();
    co_return take_rest(a, rest_at, what.also.drop, announced.get(), process, into);
}

task<result<ended>> redis_store::end_with(mutation_id id,
                                          std::span<end_mark const> marks,
                                          std::chrono::milliseconds life,
                                          std::chrono::milliseconds keep_tags,
                                          companions also) {
    for (int round = 0; round < most_rounds; ++round) {
        ended e;
        std::optional<id128> server;
        std::size_t at = 0;
        bool met_another = false;
        while (at < marks.size() && !met_another) {
            part<end_mark> some{
                id, marks.subspan(at, std::min(part_size, marks.size() - at)), life, keep_tags};
            if (at == 0) {
                some.also.lookups = also.lookups;
            }
            at += some.marks.size();
            // The members last: whoever joins afterwards finds the new generations.
            if (at == marks.size()) {
                some.also.drop = also.drop;
                some.reads_members = true;
            }
            auto const error = co_await end_part(some, e);
            if (error != store_error::ok) {
                co_return error;
            }
            met_another = server && *server != e.by.server;
            server = e.by.server;
        }
        if (!met_another) {
            noted_.forget(id);
            co_return e;
        }
    }
    co_return store_error::unreachable;
}

task<store_error> redis_store::end_part(part<end_mark> const& what, ended& into) {
    // What is removed at once is settled before the first command: others begin and end meanwhile.
    std::vector<removal> removals;
    auto& process = caller_.target().process();
    for (auto const& m : what.marks) {
        if (m.action != end_action::clear) {
            removals.push_back(
                {m.tag, m.exact_key, noted_.take(what.id, m.tag), process.counted.under(m.tag)});
        }
    }
    auto const announced = what.reads_members ? process.announced() : nullptr;
    std::vector<std::size_t> removing(removals.size());  // commands of each
    auto const write = [&](std::string& out, session const& s) {
        auto commands = append_lookups(out, what.also.lookups);
        for (auto const& m : what.marks) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::tag_end),
                           "1"sv,
                           prefixed{names::tag, m.tag},
                           process.ids.next(),
                           what.keep_tags,
                           what.id,
                           action_word(m.action),
                           what.life);
            ++commands;
        }
        for (std::size_t i = 0; i < removals.size(); ++i) {
            removing[i] = append_removal(out, removals[i]);
            append_command(out, "ZCARD"sv, prefixed{names::index, removals[i].tag});
            commands += removing[i] + 1;
        }
        return commands + append_rest(out, what.also.drop, announced != nullptr);
    };
    call_plan const plan{store_command::end, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    into.by = a.by;
    take_lookups(a, 0, what.also.lookups, into.seen);
    auto at = what.also.lookups.size();
    for (std::size_t i = 0; i < what.marks.size(); ++i) {
        auto const r = a.replies[at++];
        auto const value = r.size() == 2 ? parse_tag(r[1].text()) : std::nullopt;
        if (!value) {
            co_return r.is_error() ? store_error::refused : store_error::malformed;
        }
        into.had_mark.push_back(r[0].number() == 1);
        into.after.push_back(value->gen);
    }
    for (std::size_t i = 0; i < removals.size(); ++i) {
        at += removing[i];
        if (removing[i] > 0) {
            into.removed += static_cast<std::size_t>(a.replies[at - 1].number());
        }
        // The entries are dead already; nobody waits until they are gone.
        if (a.replies[at++].number() > 0) {
            sweeper_->add(removals[i].tag);
        }
    }
    co_return take_rest(a, at, what.also.drop, announced.get(), process, into);
}

}  // namespace sidecache::store
