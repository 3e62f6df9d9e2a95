#pragma once

#include "rules/request.hpp"

#include <array>
#include <string_view>

namespace sidecache::rules {

/// GET, HEAD, OPTIONS, TRACE (RFC 9110 section 9.2.1). Whatever else may change something.
constexpr bool is_safe(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

/// Fields by which many frameworks let a client say another method than the request's.
inline constexpr std::array<std::string_view, 3> method_override_fields{
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"};

/// ... and the query parameter (or, in a form, the field) of the same meaning.
inline constexpr std::string_view method_override_parameter = "_method";

inline bool is_method_override(std::string_view field_name) {
    for (auto const name : method_override_fields) {
        if (iequals(field_name, name)) {
            return true;
        }
    }
    return false;
}

}  // namespace sidecache::rules
