#include "proxy/store/event_payload.hpp"

#include <array>

namespace sidecache::store {

namespace {

constexpr std::string_view fill_done_prefix = "1 fill_done ";
constexpr std::array<std::string_view, 3> outcome_names{"stored", "not_stored", "failed"};

}  // namespace

std::string_view name(fill_outcome o) {
    return outcome_names[static_cast<std::size_t>(o)];
}

void format_to(std::string& out, fill_done const& e) {
    out += fill_done_prefix;
    out += name(e.outcome);
    out += ' ';
    out += e.lock_key;
}

std::optional<fill_done> parse_fill_done(std::string_view payload) {
    if (!payload.starts_with(fill_done_prefix)) {
        return std::nullopt;
    }
    payload.remove_prefix(fill_done_prefix.size());
    auto const space = payload.find(' ');
    if (space == std::string_view::npos || space + 1 == payload.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < outcome_names.size(); ++i) {
        if (payload.substr(0, space) == outcome_names[i]) {
            return fill_done{static_cast<fill_outcome>(i), payload.substr(space + 1)};
        }
    }
    return std::nullopt;
}

}  // namespace sidecache::store
