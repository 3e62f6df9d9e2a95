#pragma once

#include "config/report.hpp"
#include "config/yaml_tree.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sidecache::config::init {

/// The value under a key of a mapping; null when it is none, or has no such key.
yaml_node const* member(yaml_node const* node, std::string_view key);

/// A scalar's text; empty for what is none.
std::string text_of(yaml_node const* node);

/// Follows `$ref` inside one document (RFC 6901 pointers behind `#`). What leads out of the file,
/// nowhere, or round in a circle is a warning at its place, said once, and null.
class references {
public:
    references(yaml_node const& root, report& out) : root_(root), out_(out) {}

    /// The node itself, or where its `$ref` leads, at most 16 references further.
    yaml_node const* follow(yaml_node const* node);

private:
    yaml_node const* lookup(yaml_node const& ref);
    yaml_node const* at(std::string_view pointer) const;

    yaml_node const& root_;
    report& out_;
    std::map<std::string, yaml_node const*, std::less<>> known_;
};

}  // namespace sidecache::config::init
