#pragma once

#include "rules/decision.hpp"
#include "rules/request.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::rules {

/// Stands for a field that the request did not have: no field value can hold a line feed, so that
/// an absent field and an empty one stay apart.
inline constexpr std::string_view absent_field = "\n";

/// How many keys there are beside the plain one for the variants of one response. Whatever clients
/// send, a key costs the store no more than that: variants whose slots collide replace each other.
inline constexpr unsigned variant_slots = 7;

/// Begins a kept value of Accept-Language that is compared by what it means (`vary_language:
/// preference`): behind it the response's Content-Language, a line feed, and the list as it came.
inline constexpr std::string_view by_preference = "\nby preference of ";

/// The request fields that a response varies on, with this request's values: names in lower case,
/// sorted; several lines of one field joined by ", " (RFC 9111 section 4.1). nullopt: `Vary: *`.
/// `languages_by_preference`: see `by_preference`.
std::optional<std::vector<std::pair<std::string, std::string>>> varied_fields(
    std::span<field const> response, request const& asked, bool languages_by_preference = false);

/// Turns `wanted` to the variant that `asked` selects among those of an entry, valid but for its
/// varied fields (`stored`), that lies under the plain key: `KEY|variant=N` with N from 1 to
/// `variant_slots`, the lock likewise, so that variants do not wait for each other. The full key
/// tells variants apart that share a slot. False, and nothing is done, when it is turned already:
/// what lies in a slot is replaced by who finds another variant there.
///
/// Accept-Encoding and Accept-Language select the same variant when they are the same but for
/// letter case, spaces, empty elements, and the spelling of weights (`q=1`, `q=0.50`). Nothing is
/// reordered, not even among equal weights: backends break such ties by the order, and may tell
/// apart what the specification does not. (A list that was kept `by_preference` is the same in any
/// order, and one that prefers the response's language to all others is selected by that.) Other
/// fields are compared as they came, but for spaces around the commas of a list.
bool take_variant(decision& wanted,
                  std::span<std::pair<std::string_view, std::string_view> const> stored,
                  request const& asked);

}  // namespace sidecache::rules
