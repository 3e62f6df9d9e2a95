#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::http {

/// Undoes the codings of a `Content-Encoding` value (RFC 9110 section 8.4: gzip, x-gzip, deflate,
/// identity, several in a row undone last first), so that variables can be read from the content.
/// nullopt: a coding we do not know, bytes that are not what the coding says (cut short, or with
/// something behind), or more than `limit` bytes come out. Memory stays within `limit`: a bomb
/// costs no more than honest content. Any thread.
std::optional<std::string> decode_content(std::string_view coding,
                                          std::string_view bytes,
                                          std::size_t limit);

}  // namespace sidecache::http
