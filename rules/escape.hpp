#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Values are data, never syntax (design.md section 2): what a client sends is percent-decoded and
/// then escaped, so that it can neither end a segment of a key nor stand for a pattern.
namespace sidecache::rules {

/// How a value was written where it came from.
enum class coding : std::uint8_t {
    plain,  ///< as is: a header, a cookie, a JSON string
    path,   ///< percent-encoded (RFC 3986 section 2.1)
    query,  ///< percent-encoded, and '+' is a space
};

/// Whether `escaped` encodes that byte: `:` `*` `?` `[` `]` `{` `}` `%` `|`, space, controls.
bool is_syntax(char c);

/// Appends `value` for a key or pattern: each syntax byte as %XX, upper-case hex.
void append_escaped(std::string& out, std::string_view value);
std::string escaped(std::string_view value);

/// Undoes `escaped`; nullopt for text that it could not have produced.
std::optional<std::string> unescaped(std::string_view text);

/// Decodes `raw` and appends it escaped, in one pass. A '%' that is not followed by two hex digits
/// stands for itself.
void append_value(std::string& out, std::string_view raw, coding how);

/// Appends `raw` decoded, not escaped.
void append_decoded(std::string& out, std::string_view raw, coding how);

/// Appends `raw` in its normal form (RFC 3986 section 6.2.2): unreserved characters decoded, other
/// percent-encodings in upper-case hex. Two targets that differ in it may be told apart by a
/// backend.
void append_normal_form(std::string& out, std::string_view raw);

/// Whether decoding and escaping leave `raw` as it is: nearly all values. Then it `is_ordinary`.
bool is_plain_value(std::string_view raw, coding how);

/// Whether `raw` is written as a key writes its value, byte for byte: then nothing about how it was
/// written is lost in a key. RFC 3986 section 6.2.2 has %31 and 1 mean the same, and some backend
/// will not: one that does not decode answers 404 to the first, which nobody else should get.
bool is_ordinary(std::string_view raw, coding how);

/// Appends `raw` in its normal form with the syntax in it encoded, keeping what came encoded; false
/// when that is not how it came, so that the text stands for another spelling too.
bool append_spelling(std::string& out, std::string_view raw);

/// One byte of raw text that may be percent-encoded, for readers that must not allocate.
struct decoded_byte {
    char value;
    std::uint8_t size;  ///< raw bytes it took: 3 for %XX, else 1
    bool bad;           ///< a '%' without two hex digits
};
/// Precondition: `at` < raw.size().
decoded_byte decode_at(std::string_view raw, std::size_t at);

/// A letter, digit, '-', '.', '_' or '~' (RFC 3986 section 2.3).
bool is_unreserved(char c);

void append_percent(std::string& out, char c);

}  // namespace sidecache::rules
