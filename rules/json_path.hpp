#pragma once

#include "rules/template_error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {

/// `schemaId`, `product.schema.id`, `ids[*]`, `[*].id`, `items[0].id`: where in a JSON text a
/// variable's values stand.
struct json_path {
    struct step {
        enum class kind : std::uint8_t { member, element, each };
        kind what = kind::member;
        std::string name;
        std::size_t index = 0;
    };
    std::vector<step> steps;

    /// Reads what follows `body`, `response` or `entry.RULE`: ".a.b", "[*].id".
    static std::variant<json_path, template_error> parse(std::string_view text);
    /// Whether it may name many values.
    bool fans_out() const;
};

/// Bounds of what a variable may take from one JSON text; beyond them it widens.
inline constexpr std::size_t max_json_depth = 32;
inline constexpr std::size_t max_fan_out = 10'000;

struct json_values {
    enum class outcome : std::uint8_t {
        found,     ///< `values`, one or more
        missing,   ///< well-formed, and there is nothing under that path
        unusable,  ///< not JSON, or null, an object, an empty array, of a wrong type, too many, or
                   ///< a name that comes twice (parsers differ in which one counts)
    };
    outcome what = outcome::unusable;
    /// Decoded, not escaped. Numbers as decimal text: integers, and others that are integral and
    /// below 2^53; booleans as `true` and `false`.
    std::vector<std::string> values;
};

/// Reads the values of several paths from a JSON text in one pass without building a document. The
/// caller bounds the text's size. One result for each path.
std::vector<json_values> read_json(std::string_view text,
                                   std::vector<json_path const*> const& paths);

}  // namespace sidecache::rules
