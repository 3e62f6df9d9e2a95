#include "proxy/command/explain.hpp"

#include "config/load.hpp"
#include "proxy/admin/explain_json.hpp"
#include "proxy/command/explanation_text.hpp"
#include "proxy/command/finding_text.hpp"
#include "proxy/command/print.hpp"
#include "rules/explain.hpp"

#include <unistd.h>

#include <algorithm>

namespace sidecache::command {
namespace {

/// The admin port explains as well: one form of JSON for both.
admin::query_parameters as_query(explain_options const& asked) {
    admin::query_parameters out{{"method", asked.method}, {"uri", asked.uri}};
    for (auto const& header : asked.headers) {
        out.emplace_back("header", header);
    }
    if (asked.body) {
        out.emplace_back("body", *asked.body);
    }
    for (std::string_view const variable : asked.identity) {
        auto const equals = variable.find('=');
        out.emplace_back("identity." + std::string(variable.substr(0, equals)),
                         variable.substr(equals + 1));
    }
    return out;
}

int explain_as_json(config::model const& config, explain_options const& asked) {
    auto const answer = admin::explain(config, as_query(asked));
    if (answer.status != 200) {
        to_stderr(answer.body);
        return 2;
    }
    to_stdout(answer.body);
    return 0;
}

std::string_view trimmed(std::string_view text) {
    auto const begin = text.find_first_not_of(" \t");
    auto const end = text.find_last_not_of(" \t");
    return begin == std::string_view::npos ? "" : text.substr(begin, end - begin + 1);
}

bool has_variable(config::model const& config, std::string_view name) {
    return config.identity && std::ranges::any_of(config.identity->vars,
                                                  [&](auto const& v) { return v.name == name; });
}

std::string variables_of(config::model const& config) {
    if (!config.identity) {
        return "--identity makes no sense here: the file has no `identity`";
    }
    std::string names;
    for (auto const& v : config.identity->vars) {
        names += (names.empty() ? "" : ", ") + v.name;
    }
    return "write --identity NAME=VALUE, with a name of the file's `identity.vars`: " + names;
}

}  // namespace

int explain(explain_options const& asked) {
    auto const loaded = config::load_file(asked.file);
    if (!loaded.config) {
        paint const p(is_colored(asked.colored, STDERR_FILENO));
        for (auto const& f : loaded.findings) {
            to_stderr(finding_text(f, {}, p));
        }
        return 1;
    }
    auto const& rules = *loaded.config->rules;
    if (!asked.uri.starts_with('/')) {
        to_stderr("sidecache explain: a URI begins with '/', such as /products/42?page=2\n");
        return 2;
    }
    std::vector<rules::field> fields;
    std::string_view host = "localhost";
    for (std::string_view const header : asked.headers) {
        auto const colon = header.find(':');
        if (colon == 0 || colon == std::string_view::npos) {
            to_stderr("sidecache explain: write a header as -H 'Name: value'\n");
            return 2;
        }
        fields.push_back({header.substr(0, colon), trimmed(header.substr(colon + 1))});
        host = rules::iequals(fields.back().name, "host") ? fields.back().value : host;
    }
    std::vector<rules::field> identity;
    for (std::string_view const variable : asked.identity) {
        auto const equals = variable.find('=');
        auto const name = variable.substr(0, equals);
        if (equals == std::string_view::npos || !has_variable(*loaded.config, name)) {
            to_stderr("sidecache explain: " + variables_of(*loaded.config) + "\n");
            return 2;
        }
        identity.push_back({name, variable.substr(equals + 1)});
    }
    if (asked.json) {
        return explain_as_json(*loaded.config, asked);
    }
    rules::request r;
    r.method = asked.method;
    r.target = asked.uri;
    r.host = host;
    r.fields = fields;
    r.has_body = asked.body && !asked.body->empty();
    if (!identity.empty()) {
        r.identity = identity;
    }
    paint const p(is_colored(asked.colored, STDOUT_FILENO));
    auto const explained = rules::explain(rules, r, asked.body);
    auto const text = p.labels(explanation_text(explained));
    to_stdout(p.bold(harmless(asked.method + " " + asked.uri)) + "\n" + text);
    return 0;
}

}  // namespace sidecache::command
