#include "proxy/admin/explain_json.hpp"

#include "config/model.hpp"
#include "rules/explain.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::admin {

namespace {

/// The request to explain, with the texts that its views point into.
struct question {
    std::string method = "GET";
    std::string uri;
    std::string host = "localhost";
    query_parameters headers;
    std::optional<std::string> body;
    query_parameters identity;  // as if verified; none: nobody
};

std::string_view trim(std::string_view s) {
    while (!s.empty() && s.front() == ' ') {
        s.remove_prefix(1);
    }
    while (!s.empty() && s.back() == ' ') {
        s.remove_suffix(1);
    }
    return s;
}

constexpr std::string_view identity_prefix = "identity.";

bool is_known(config::model const& config, std::string_view variable) {
    return config.identity && std::ranges::any_of(config.identity->vars, [&](auto const& v) {
               return v.name == variable;
           });
}

std::variant<question, std::string> read(config::model const& config,
                                         query_parameters const& asked) {
    question q;
    for (auto const& [name, value] : asked) {
        if (name == "method") {
            q.method = value;
        } else if (name == "uri") {
            q.uri = value;
        } else if (name == "body") {
            q.body = value;
        } else if (name.starts_with(identity_prefix)) {
            auto const variable = name.substr(identity_prefix.size());
            if (!is_known(config, variable)) {
                return "'" + variable + "' is not among the file's identity.vars";
            }
            q.identity.emplace_back(variable, value);
        } else if (name == "header") {
            auto const colon = value.find(':');
            if (colon == std::string::npos || colon == 0) {
                return "write a header as 'Name: value', not '" + value + "'";
            }
            q.headers.emplace_back(trim(value.substr(0, colon)), trim(value.substr(colon + 1)));
            if (rules::iequals(q.headers.back().first, "host")) {
                q.host = q.headers.back().second;
            }
        } else {
            return "'" + name +
                   "' is unknown: there are method, uri, header, body and identity.NAME";
        }
    }
    if (!q.uri.starts_with('/')) {
        return std::string(
            "name the request: /explain?method=GET&uri=/products/42 (a uri begins "
            "with '/', and its own '?' and '&' are written %3F and %26)");
    }
    return q;
}

std::string_view word(rules::verdict v) {
    switch (v) {
        case rules::verdict::serve:
            return "serve";
        case rules::verdict::bypass:
            return "bypass";
        case rules::verdict::pass:
            return "pass";
        case rules::verdict::mutate:
            return "mutate";
    }
    return "";
}

boost::json::array list(std::vector<std::string> const& texts) {
    boost::json::array out;
    for (auto const& t : texts) {
        out.emplace_back(t);
    }
    return out;
}

boost::json::array list(std::vector<rules::explained_tag> const& tags) {
    boost::json::array out;
    for (auto const& t : tags) {
        boost::json::object o;
        o["tag"] = t.tag;
        o["kind"] = t.kind == rules::mark_kind::marker ? "marker" : "intent";
        if (!t.exact_key.empty()) {
            o["exact_key"] = t.exact_key;
        }
        o["rules"] = list(t.rules);
        out.push_back(std::move(o));
    }
    return out;
}

boost::json::object describe(rules::explanation const& e) {
    boost::json::object out;
    out["decision"] = word(e.what);
    if (!e.rule.empty()) {
        out["rule"] = e.rule;
    }
    if (e.what == rules::verdict::bypass) {
        out["reason"] = rules::name(e.reason);
    }
    if (e.what == rules::verdict::serve) {
        out["key"] = e.key;
        if (e.full_key != e.key) {
            out["full_key"] = e.full_key;
        }
        out["tags"] = list(e.tags);
        if (!e.lock_key.empty()) {
            out["lock_key"] = e.lock_key;
        }
        out["shared_by"] = e.sharing;
        if (e.ttl.count() != 0) {
            out["ttl_seconds"] = seconds(e.ttl);
        }
    }
    if (e.what == rules::verdict::mutate) {
        out["purges"] = list(e.purges);
        out["known_later"] = list(e.later);
        out["marks"] = list(e.marks);
        out["changes"] = list(e.changed);
    }
    return out;
}

}  // namespace

answer explain(config::model const& config, query_parameters const& asked) {
    auto const read_question = read(config, asked);
    if (auto const* wrong = std::get_if<std::string>(&read_question)) {
        return failure(400, *wrong);
    }
    auto const& q = std::get<question>(read_question);
    auto const as_fields = [](query_parameters const& from) {
        std::vector<rules::field> out;
        for (auto const& [name, value] : from) {
            out.push_back({name, value});
        }
        return out;
    };
    auto const fields = as_fields(q.headers);
    auto const identity = as_fields(q.identity);
    rules::request r{.method = q.method,
                     .target = q.uri,
                     .host = q.host,
                     .fields = fields,
                     .has_body = q.body && !q.body->empty(),
                     .identity = std::nullopt};
    if (!identity.empty()) {
        r.identity = identity;
    }
    return json(200, describe(rules::explain(*config.rules, r, q.body)));
}

}  // namespace sidecache::admin
