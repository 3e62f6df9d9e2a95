#pragma once

#include "config/section.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sidecache::config {

/// Reads a list of names, each of which `is_good` takes and none of which comes twice (in any
/// case). What is not given, or cannot be used, leaves `out` as it is.
void read_names(section& s,
                std::string_view key,
                std::vector<std::string>& out,
                std::string_view hint,
                bool (*is_good)(std::string_view));

/// Letters, digits, `_` and `-`.
bool is_variable_name(std::string_view text);

/// A field name (RFC 9110 section 5.1) that may hold a credential: neither one that says nothing
/// about who is asking, nor one that each hop writes for itself.
bool is_credential_field(std::string_view name);

/// Authorization or Cookie: what backends mostly go by.
bool is_usual_credential(std::string_view name);

}  // namespace sidecache::config
