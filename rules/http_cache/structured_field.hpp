#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Structured Field Values (RFC 8941): dictionaries, read strictly. A field that is wrong anywhere
/// is no dictionary at all (section 4.2: "the entire field is ignored").
namespace sidecache::rules::http_cache {

struct member {
    enum class kind : std::uint8_t { boolean, integer, decimal, string, token, bytes, inner_list };
    std::string_view key;
    kind what = kind::boolean;
    std::int64_t integer = 0;
    bool boolean = true;
    /// string: what stands between the quotes, escapes undone; token: the text.
    std::string text;
};

/// The members of a dictionary (RFC 8941 section 4.2.2) in order; a key that comes again replaces
/// what it said before. Parameters are checked and left out. False: not a dictionary. `text`: all
/// lines of the field, joined by commas.
bool read_dictionary(std::string_view text, std::vector<member>& out);

/// The members of a list (RFC 8941 section 4.2.1) in order, without keys; parameters are checked
/// and left out. False: not a list.
bool read_list(std::string_view text, std::vector<member>& out);

}  // namespace sidecache::rules::http_cache
