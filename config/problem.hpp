#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace sidecache::config {

/// What is wrong with one value, and what to do about it; whoever knows the place makes a finding
/// of it.
struct problem {
    std::string text;
    std::string hint;
};

template <class T>
using parsed = std::variant<T, problem>;

/// A value as messages show it: in backticks, control bytes as `\xNN`, cut after 80 bytes, so that
/// no file writes to the terminal of who checks it.
std::string quoted(std::string_view value);

}  // namespace sidecache::config
