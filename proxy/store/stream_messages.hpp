#pragma once

#include "proxy/store/resp_tree.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What Redis answers about streams, as values. Pure.
namespace sidecache::store {

/// One message: `1526919030474-55` and its fields in order.
struct stream_message {
    std::string id;
    std::vector<std::pair<std::string, std::string>> fields;
    /// It was trimmed or deleted before it could be read: only its id is left.
    bool is_gone = false;

    /// The first field of that name; null: there is none.
    std::string const* find(std::string_view name) const;
    std::size_t size() const;
};

/// XREADGROUP of one stream; a nil reply (nothing within BLOCK) is an empty list. Nullopt: not what
/// the command promises.
std::optional<std::vector<stream_message>> parse_read(resp_tree const& reply);

/// XAUTOCLAIM. What was deleted from the stream later servers name by id; Redis 6.2 says nil, and
/// has given it to us all the same: reading what is our own tells which it was.
struct claimed {
    std::string next;  // where to go on; "0-0": that was the last
    std::vector<stream_message> messages;
    bool has_nil = false;
};
std::optional<claimed> parse_claimed(resp_tree const& reply);

/// Messages of the stream that the group has not done with, from XINFO GROUPS (and XLEN for servers
/// before 7.0, which do not count: then at most that many).
std::optional<std::int64_t> parse_outstanding(resp_tree const& groups,
                                              std::string_view group,
                                              std::int64_t length,
                                              std::string_view last_id);

}  // namespace sidecache::store
