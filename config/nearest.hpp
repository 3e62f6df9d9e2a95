#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace sidecache::config {

/// The candidate that a slip of the finger most likely meant ("tll": "ttl"); nullopt when nothing
/// is near: at most a third of its letters wrong, swapped, missing or too many; letter case and the
/// choice of `_` or `-` count for nothing.
std::optional<std::string_view> nearest(std::string_view typed,
                                        std::span<std::string_view const> candidates);

}  // namespace sidecache::config
