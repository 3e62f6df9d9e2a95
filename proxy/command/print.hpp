#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How the commands write for people: a label in a column of its own, its values under each other.
namespace sidecache::command {

/// Where the values of `labelled` begin.
inline constexpr std::size_t value_column = 15;

/// "    key        product:{id}\n"
std::string labelled(std::string_view label, std::string_view value);
/// The same for several values, a line each; the label stands before the first. Nothing for none.
std::string labelled(std::string_view label, std::span<std::string const> values);

std::string joined(std::span<std::string const> values, std::string_view between);

/// "1 rule", "5 rules".
std::string counted(std::size_t n, std::string_view what);

/// Values from outside (a server's answer) may hold control bytes; a terminal shall not see them.
std::string harmless(std::string_view text);

void to_stdout(std::string_view text);
void to_stderr(std::string_view text);

}  // namespace sidecache::command
