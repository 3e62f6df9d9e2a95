#pragma once

#include "proxy/http/line_bytes.hpp"
#include "proxy/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// The lines of a head that lies in one piece, as both kinds of heads are read: each byte once, and
/// nothing that two readers could take in two ways. Pure; any thread.
namespace sidecache::http {

enum class reading { complete, incomplete, malformed };

/// Moves `at` behind the line's end, to which everything is text. `text_end`: the CR.
inline reading read_text(char const*& at, char const* end, char const*& text_end) {
    text_end = find_text_end(at, end);
    if (text_end == end) {
        return reading::incomplete;
    }
    if (*text_end != '\r') {
        return reading::malformed;
    }
    if (text_end + 1 == end) {
        return reading::incomplete;
    }
    if (text_end[1] != '\n') {
        return reading::malformed;
    }
    at = text_end + 2;
    return reading::complete;
}

/// Calls `each(option)` for the options of a Connection field: tokens between commas, of which some
/// may be missing (RFC 9110 section 5.6.1). False for anything else.
template <class Each>
bool for_each_option(std::string_view list, Each each) {
    auto const* at = list.data();
    auto const* const end = at + list.size();
    bool after_comma = true;
    while (at != end) {
        if (*at == ',') {
            after_comma = true;
            ++at;
        } else if (is_blank(*at)) {
            ++at;
        } else {
            auto const* const begin = at;
            while (at != end && is_token_byte(*at)) {
                ++at;
            }
            if (at == begin || !after_comma) {
                return false;
            }
            after_comma = false;
            each(std::string_view(begin, static_cast<std::size_t>(at - begin)));
        }
    }
    return true;
}

/// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5). A folded line begins with
/// white space, which is no name.
inline reading read_field(char const*& at,
                          char const* end,
                          char const* block,
                          field_list::found& field) {
    auto const* const name = at;
    auto const* colon = at;
    while (colon != end && is_token_byte(*colon)) {
        ++colon;
    }
    if (colon == end) {
        return reading::incomplete;
    }
    if (*colon != ':' || colon == name) {
        return reading::malformed;
    }
    auto const* value = colon + 1;
    while (value != end && is_blank(*value)) {
        ++value;
    }
    at = value;
    char const* value_end = nullptr;
    auto const how = read_text(at, end, value_end);
    if (how != reading::complete) {
        return how;
    }
    while (value_end != value && is_blank(value_end[-1])) {
        --value_end;
    }
    field = {static_cast<std::uint32_t>(name - block),
             static_cast<std::uint32_t>(colon - name),
             static_cast<std::uint32_t>(value - block),
             static_cast<std::uint32_t>(value_end - value)};
    return reading::complete;
}

/// Moves `at` behind the empty line. `lines`: the fields that `seen.takes(name, value)`, in order;
/// `seen.well_formed` tells at the end whether it could make sense of them all.
template <class Meaning>
reading read_fields(char const*& at,
                    char const* end,
                    std::vector<field_list::found>& lines,
                    Meaning& seen) {
    auto const* const block = at;
    for (;;) {
        if (end - at < 2) {
            return at != end && *at != '\r' && !is_token_byte(*at) ? reading::malformed
                                                                   : reading::incomplete;
        }
        if (*at == '\r') {
            if (at[1] != '\n') {
                return reading::malformed;
            }
            at += 2;
            return seen.well_formed ? reading::complete : reading::malformed;
        }
        field_list::found field{};
        auto const how = read_field(at, end, block, field);
        if (how != reading::complete) {
            return how;
        }
        if (seen.takes({block + field.name, field.name_size},
                       {block + field.value, field.value_size})) {
            lines.push_back(field);
        }
    }
}

}  // namespace sidecache::http
