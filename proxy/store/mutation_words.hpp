#pragma once

#include "proxy/store/resp_reader.hpp"
#include "proxy/store/tag_value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What begin and end of a mutation say to one server and to a Cluster alike, and how much of it at
/// once.
namespace sidecache::store {

/// Marks a part, each part a round trip: others' commands come in between, and no part is so long
/// that they time out behind it.
inline constexpr std::size_t part_size = 64;
/// Keys of an index that begin reads and end removes at once; the sweeper takes the rest.
inline constexpr std::int64_t noted_at_once = 128;
/// A mutation whose parts met two servers (or Clusters) starts over, that often.
inline constexpr int most_rounds = 3;

/// The scripts' words for these, one letter each: views of the argument.
inline std::string_view action_word(end_action const& a) {
    return {reinterpret_cast<char const*>(&a), 1};
}
inline std::string_view kind_word(mark_kind const& k) {
    return {reinterpret_cast<char const*>(&k), 1};
}

/// The strings of a reply that is a list; none of anything else.
inline std::vector<std::string> texts_of(reply const& list) {
    std::vector<std::string> out;
    out.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        out.emplace_back(list[i].text());
    }
    return out;
}

}  // namespace sidecache::store
