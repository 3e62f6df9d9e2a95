#pragma once

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>

namespace sidecache::identity {

/// Reads a JSON object as JOSE wants it: one object and nothing else, UTF-8, no name twice in any
/// object of it (RFC 7515 section 4, RFC 7519 section 4: parsers differ in which one counts), at
/// most 16 levels deep. nullopt otherwise. The caller bounds the text's size.
std::optional<boost::json::object> parse_strict_object(std::string_view text);

/// The string under a name; nullptr when there is none, or it is something else.
boost::json::string const* find_string(boost::json::object const& o, std::string_view name);

}  // namespace sidecache::identity
