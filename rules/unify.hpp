#pragma once

#include "rules/key_template.hpp"
#include "rules/pattern.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which entries of a rule a pattern can cover, found once when the rules are compiled (design.md
/// section 4). Both sides are segments between ':', and values never hold ':', so that segment
/// meets whole segment: `product:1*` never means `product:12`.
namespace sidecache::rules {

/// Something that a rendered key must fulfil for a pattern to cover it.
struct condition {
    enum class kind : std::uint8_t {
        equals,      ///< segment `first` is `text`
        affixes,     ///< segment `first` begins with `text` and ends with `suffix`
        same_value,  ///< what a pattern variable takes in segments `first` and `second` is equal
    };
    kind what = kind::equals;
    std::size_t first = 0;
    std::string text;
    std::string suffix;
    std::size_t second = 0;
    std::string second_text;
    std::string second_suffix;

    friend bool operator==(condition const&, condition const&) = default;
};

enum class reach : std::uint8_t {
    none,  ///< no key of the rule
    some,  ///< the keys whose segments are what the purge's values render to
    all,   ///< each key of the rule, whatever the values
};

struct unification {
    reach what = reach::none;
    /// some: what a key must fulfil besides.
    std::vector<condition> conditions;
};

unification unify(pattern const& p, key_template const& key);

/// Whether a key, split into its segments, fulfils all of them.
bool fulfils(std::span<condition const> conditions, std::span<std::string_view const> segments);

/// Whether two templates can render to the same key.
bool can_collide(key_template const& a, key_template const& b);

}  // namespace sidecache::rules
