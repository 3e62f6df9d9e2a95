#include "tests/monitoring/queries.hpp"

#include "proxy/telemetry/families.hpp"
#include "tests/monitoring/promql.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace sidecache::tests {
namespace {

namespace json = boost::json;

json::object dashboard() {
    return json::parse(monitoring_file("dashboard.json")).as_object();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

/// With "All" chosen everywhere.
std::string substituted(std::string expression) {
    expression = replaced(std::move(expression), "$__rate_interval", "1m");
    for (auto const* const name : {"$namespace", "$job", "$pod", "$instance", "$rule"}) {
        expression = replaced(std::move(expression), name, ".*");
    }
    if (expression.find('$') != std::string::npos) {
        throw std::runtime_error("a variable that nobody knows: " + expression);
    }
    return expression;
}

std::string text_at(json::object const& o, std::string_view key) {
    auto const* const v = o.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->as_string()) : "";
}

template <class F>
void for_each_rule(F const& f) {
    for (auto const& group : YAML::Load(monitoring_file("rules.yaml"))["groups"]) {
        for (auto const& rule : group["rules"]) {
            f(rule);
        }
    }
}

/// The labels that a series of this name has; nullopt: there is none.
std::optional<std::set<std::string>> labels_of(std::string const& name) {
    static auto const known = [] {
        std::map<std::string, std::set<std::string>> all;
        std::set<std::string> const target{"namespace", "job", "pod", "instance"};
        for (auto const& f : telemetry::families()) {
            auto labels = target;
            labels.insert(f.labels().begin(), f.labels().end());
            std::string const base(f.name);
            if (f.type == telemetry::family_type::histogram) {
                all[base + "_sum"] = all[base + "_count"] = labels;
                labels.insert("le");
                all[base + "_bucket"] = labels;
            } else {
                all[base] = labels;
            }
        }
        all["up"] = target;
        all["ALERTS"] = {"alertname", "alertstate", "severity", "namespace", "job", "instance"};
        for (auto const& r : recorded_series()) {
            // Its name begins with its labels: namespace_job_rule:...
            auto& labels = all[r.where];
            std::istringstream in(r.where.substr(0, r.where.find(':')));
            for (std::string label; std::getline(in, label, '_');) {
                labels.insert(label);
            }
        }
        return all;
    }();
    auto const it = known.find(name);
    return it == known.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace

std::string monitoring_file(std::string const& name) {
    std::ifstream in(SIDECACHE_SOURCE "/k8s/monitoring/" + name);
    if (!in) {
        throw std::runtime_error("no k8s/monitoring/" + name);
    }
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

std::vector<query> recorded_series() {
    std::vector<query> out;
    for_each_rule([&](YAML::Node const& rule) {
        if (rule["record"]) {
            out.push_back({rule["record"].as<std::string>(), rule["expr"].as<std::string>()});
        }
    });
    return out;
}

std::vector<alert> alerts() {
    std::vector<alert> out;
    for_each_rule([&](YAML::Node const& rule) {
        if (rule["alert"]) {
            auto const annotation = [&](char const* name) {
                auto const v = rule["annotations"][name];
                return v ? v.as<std::string>() : std::string();
            };
            out.push_back({rule["alert"].as<std::string>(),
                           rule["expr"].as<std::string>(),
                           rule["labels"]["severity"].as<std::string>(),
                           annotation("summary"),
                           annotation("description"),
                           annotation("runbook")});
        }
    });
    return out;
}

std::vector<query> dashboard_queries() {
    std::vector<query> out;
    auto const all = dashboard();
    for (auto const& p : all.at("panels").as_array()) {
        auto const& panel = p.as_object();
        if (auto const* const targets = panel.if_contains("targets")) {
            for (auto const& t : targets->as_array()) {
                out.push_back(
                    {text_at(panel, "title"), substituted(text_at(t.as_object(), "expr"))});
            }
        }
    }
    for (auto const& a : all.at("annotations").as_object().at("list").as_array()) {
        out.push_back({"annotation", substituted(text_at(a.as_object(), "expr"))});
    }
    return out;
}

std::vector<query> dashboard_variables() {
    std::vector<query> out;
    auto const all = dashboard();
    for (auto const& v : all.at("templating").as_object().at("list").as_array()) {
        auto const definition = text_at(v.as_object(), "definition");
        if (definition.empty()) {
            continue;  // the data source
        }
        constexpr std::string_view begin = "label_values(";
        auto const comma = definition.rfind(", ");
        if (!definition.starts_with(begin) || comma == std::string::npos) {
            throw std::runtime_error("not label_values(SERIES, LABEL): " + definition);
        }
        out.push_back({definition.substr(comma + 2, definition.size() - comma - 3),
                       substituted(definition.substr(begin.size(), comma - begin.size()))});
    }
    return out;
}

std::vector<std::string> unknown_names(std::string const& expression) {
    std::vector<std::string> out;
    for (auto const& s : selectors_of(expression)) {
        auto const labels = labels_of(s.name);
        if (!labels) {
            out.push_back(s.name);
            continue;
        }
        for (auto const& m : s.matchers) {
            if (!labels->contains(m.label)) {
                out.push_back(s.name + "{" + m.label + "}");
            }
        }
    }
    return out;
}

}  // namespace sidecache::tests
