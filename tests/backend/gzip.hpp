#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace backend {

std::string gzip(std::string_view plain);
/// nullopt: not gzip, cut short, or more than 64 MiB.
std::optional<std::string> gunzip(std::string_view packed);

}  // namespace backend
