#include "proxy/command/check_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::command {
namespace {

namespace json = boost::json;

json::array list(std::vector<std::string> const& texts) {
    json::array out;
    for (auto const& t : texts) {
        out.emplace_back(t);
    }
    return out;
}

json::array list(std::vector<rules::located<std::string>> const& texts) {
    json::array out;
    for (auto const& t : texts) {
        out.emplace_back(t.value);
    }
    return out;
}

std::string_view word(rules::partition_definition::kind what) {
    switch (what) {
        case rules::partition_definition::kind::credential:
            return "credential";
        case rules::partition_definition::kind::identity:
            return "identity";
        case rules::partition_definition::kind::none:
            return "none";
    }
    return "";
}

json::object described(config::finding const& f) {
    json::object out;
    out["level"] = f.level == rules::severity::error ? "error" : "warning";
    out["line"] = f.at.line;
    out["column"] = f.at.column;
    out["text"] = f.text;
    out["hint"] = f.hint;
    return out;
}

json::object described(rules::rule_set const& all, rules::rule const& rule) {
    auto const& text = rule.definition;
    json::object out;
    out["name"] = text.name.value;
    out["line"] = text.name.at.line;
    out["match"] = text.match.value;
    out["key"] = text.key.value.empty() ? std::string(rules::default_key) : text.key.value;
    out["ttl_ms"] = text.origin ? json::value("origin") : json::value(text.ttl.count());
    out["lock"] = text.lock ? json::value(text.lock->key.value) : json::value();
    out["shared_by"] = word(text.partition.what);
    out["partition"] = list(text.partition.variables);
    out["tags"] = list(all.tag_templates(rule.index));
    out["purged_by"] = list(all.purges_reaching(rule.index));
    return out;
}

json::object described(rules::purge const& purge) {
    json::object out;
    out["name"] = purge.definition.name.value;
    out["line"] = purge.definition.name.at.line;
    out["on"] = list(purge.definition.on);
    out["patterns"] = list(purge.definition.patterns);
    out["settle_ms"] = purge.definition.settle.count();
    return out;
}

}  // namespace

std::string check_json(std::string const& file, config::loaded const& loaded) {
    json::array findings;
    std::int64_t errors = 0;
    for (auto const& f : loaded.findings) {
        findings.push_back(described(f));
        errors += f.level == rules::severity::error ? 1 : 0;
    }
    json::object out;
    out["file"] = file;
    out["ok"] = loaded.config != nullptr;
    out["errors"] = errors;
    out["warnings"] = static_cast<std::int64_t>(loaded.findings.size()) - errors;
    out["findings"] = std::move(findings);
    json::array rules;
    json::array purges;
    if (loaded.config) {
        for (auto const& rule : loaded.config->rules->rules()) {
            rules.push_back(described(*loaded.config->rules, rule));
        }
        for (auto const& purge : loaded.config->rules->purges()) {
            purges.push_back(described(purge));
        }
    }
    out["rules"] = std::move(rules);
    out["purges"] = std::move(purges);
    return json::serialize(out) + "\n";
}

}  // namespace sidecache::command
