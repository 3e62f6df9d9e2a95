#pragma once

#include "config/report.hpp"
#include "rules/definition.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::config {

struct yaml_node;

struct yaml_entry {
    rules::located<std::string> key;
    std::shared_ptr<yaml_node const> value;
};

/// A YAML document as plain values with their places. Aliases share the node of their anchor.
struct yaml_node {
    enum class kind { nothing, scalar, sequence, map };
    kind what = kind::nothing;
    rules::position at;
    std::string text;                                     // scalar, variables filled in
    std::vector<std::shared_ptr<yaml_node const>> items;  // sequence
    std::vector<yaml_entry> entries;                      // map, in the order of the file
    std::size_t weight = 1;                               // nodes in it, aliases unfolded
    bool is_reported = false;  // its text could not be filled in: one finding is enough
};

/// How much of a document is read before it is refused.
struct yaml_limits {
    std::size_t size = 1U << 20U;  // bytes
    std::size_t depth = 32;
    std::size_t nodes = 50'000;  // aliases unfolded
};

/// Parses one YAML document and fills in `${VAR}` in its scalar values (never in its keys).
///
/// An empty `env` leaves values as they are: in another program's file `${` means nothing.
///
/// The input may come from anywhere: it is at most 1 MiB, nested at most 32 deep, and holds at most
/// 50,000 nodes, aliases unfolded (a "billion laughs" of ten lines would hold more than memory
/// does), unless other limits are given. Duplicate keys, several documents, aliases that hold
/// themselves, keys that are not plain words and tags are errors. Null when nothing could be read;
/// then `out` says why.
std::shared_ptr<yaml_node const> parse_yaml(std::string_view text,
                                            environment const& env,
                                            report& out,
                                            yaml_limits const& limits = {});

}  // namespace sidecache::config
