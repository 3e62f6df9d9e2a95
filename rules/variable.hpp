#pragma once

#include "rules/json_path.hpp"
#include "rules/template_error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sidecache::rules {

/// Where a variable's value comes from (design.md section 2).
struct variable_source {
    enum class kind : std::uint8_t {
        path,      ///< a variable of the path template
        query,     ///< query.NAME
        header,    ///< header.NAME
        cookie,    ///< cookie.NAME
        identity,  ///< identity.NAME
        body,      ///< body.PATH: the request's JSON
        response,  ///< response.PATH: the response's JSON
        entry,     ///< entry.RULE.PATH: JSON of what is cached under another rule's key
        host,      ///< the request's host: of the key that a rule with `ttl: origin` has by itself
        target,    ///< path and query as they came: likewise
    };
    kind what = kind::path;
    /// path, query, header, cookie, identity: the name there.
    std::string name;
    /// entry: the rule whose entry it is.
    std::string rule;
    /// body, response, entry.
    json_path path;

    static std::variant<variable_source, template_error> parse(std::string_view text);
};

}  // namespace sidecache::rules
