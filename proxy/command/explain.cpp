#include "proxy/command/explain.hpp"

#include "config/load.hpp"
#include "proxy/admin/explain_json.hpp"
#include "proxy/command/explanation_text.hpp"
#include "proxy/command/print.hpp"
#include "rules/explain.hpp"

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
    return out;
}

int explain_as_json(rules::rule_set const& rules, explain_options const& asked) {
    auto const answer = admin::explain(rules, as_query(asked));
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

}  // namespace

int explain(explain_options const& asked) {
    auto const loaded = config::load_file(asked.file);
    if (!loaded.config) {
        for (auto const& f : loaded.findings) {
            to_stderr(f.print() + "\n");
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
    if (asked.json) {
        return explain_as_json(rules, asked);
    }
    rules::request r;
    r.method = asked.method;
    r.target = asked.uri;
    r.host = host;
    r.fields = fields;
    r.has_body = asked.body && !asked.body->empty();
    to_stdout(asked.method + " " + asked.uri + "\n" +
              explanation_text(rules::explain(rules, r, asked.body)));
    return 0;
}

}  // namespace sidecache::command
