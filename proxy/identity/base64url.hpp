#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sidecache::identity {

/// Decodes base64url as JOSE writes it (RFC 7515 section 2, RFC 4648 section 5): no padding, no
/// white space, no unused bits that are not zero, so that no two texts are one value. nullopt: it
/// is something else. Empty text is the empty value.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace sidecache::identity
