#pragma once

#include "proxy/store/stream_messages.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {
class rule_set;
}

namespace sidecache::cache {

/// What one message of the stream of events invalidates.
struct event_scope {
    std::vector<std::string> tags;
    /// A request that no purge matches: its path alone is invalidated.
    bool is_unmatched = false;
};

/// Reads a message by these rules. Fields, by name; at least one of the first five, and all that
/// it names goes:
///
///     pattern  product:42*              as in a purge of the configuration, values filled in
///     key      product:42:details       one Redis key; its partition behind '|' is ignored
///     rule     product-details          everything that rule has stored
///     group    catalogue                what says it belongs to that group (Cache-Groups)
///     method, uri                       a write as it was made elsewhere: PATCH /products/42
///
/// With method and uri: `body` and `response` (JSON texts) and `identity.NAME`, for variables of
/// those sources. What the message does not tell widens to `*`, `entry.*` always, since when the
/// message comes the write is over. Other fields are not looked at.
///
/// Otherwise a sentence that says what is wrong with it, without anything of its values. Pure.
std::variant<event_scope, std::string> read_event(rules::rule_set const& rules,
                                                  store::stream_message const& message,
                                                  std::size_t most_bytes);

}  // namespace sidecache::cache
