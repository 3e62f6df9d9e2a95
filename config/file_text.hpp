#pragma once

#include <cstddef>
#include <string>
#include <system_error>
#include <variant>

namespace sidecache::config {

/// One byte more than parse_yaml takes: enough to see that a file is too large.
inline constexpr std::size_t most_read = (1U << 20U) + 1;

/// What a file holds, up to `most_read` bytes of it, or why it cannot be read.
std::variant<std::string, std::error_code> read_text(std::string const& path);

}  // namespace sidecache::config
