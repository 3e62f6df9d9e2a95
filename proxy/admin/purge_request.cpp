#include "proxy/admin/purge_request.hpp"

#include "rules/http_cache/groups.hpp"
#include "rules/rule_set.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>

namespace sidecache::admin {

namespace {

constexpr std::string_view usage =
    R"(send exactly one of {"pattern": "product:42*"}, {"key": "product:42:details"}, {"rule": "NAME"}, {"groups": ["NAME"]} as JSON)";

std::string names_of(rules::rule_set const& rules) {
    std::string out;
    for (auto const& r : rules.rules()) {
        out += out.empty() ? "" : ", ";
        out += r.definition.name.value;
    }
    return out;
}

/// With the tag that changes with any group: fills look at it (proxy/cache/entry_groups.hpp).
std::vector<std::string> with_any(std::vector<std::string> groups) {
    groups.emplace_back(rules::http_cache::any_group);
    return groups;
}

std::variant<std::vector<std::string>, std::string> tags_of_groups(
    boost::json::array const& names) {
    std::vector<std::string> out;
    for (auto const& name : names) {
        if (!name.is_string() || name.get_string().empty()) {
            return "'groups' is a list of names: " + std::string(usage);
        }
        out.push_back(rules::http_cache::group_tag(std::string_view(name.get_string())));
    }
    if (out.empty() || out.size() > rules::http_cache::max_groups) {
        return "'groups' names from 1 to " + std::to_string(rules::http_cache::max_groups) +
               " groups: send several requests";
    }
    return with_any(std::move(out));
}

}  // namespace

std::variant<std::vector<std::string>, std::string> tags_of_purge(rules::rule_set const& rules,
                                                                  std::string_view body) {
    boost::system::error_code ec;
    auto const document = boost::json::parse({body.data(), body.size()}, ec);
    if (ec) {
        return "the body is not JSON (" + ec.message() + "): " + std::string(usage);
    }
    auto const* const members = document.if_object();
    if (members == nullptr || members->size() != 1) {
        return std::string(usage);
    }
    auto const name = std::string_view(members->begin()->key());
    if (auto const* groups = members->begin()->value().if_array(); groups && name == "groups") {
        return tags_of_groups(*groups);
    }
    if (!members->begin()->value().is_string()) {
        return std::string(usage);
    }
    auto const value = std::string_view(members->begin()->value().get_string());
    if (value.empty()) {
        return "'" + std::string(name) + "' is empty: " + std::string(usage);
    }
    if (name == "pattern") {
        return rules.tags_covering(value);
    }
    if (name == "key") {
        auto const key = value.substr(0, value.find('|'));
        if (key.find('*') != std::string_view::npos) {
            return "a key holds no '*' (as a value it is written %2A): use \"pattern\" for '" +
                   std::string(key) + "'";
        }
        return rules.tags_covering(key);
    }
    if (name == "rule") {
        if (rules.find_rule(value) == nullptr) {
            return "no rule is called '" + std::string(value) + "'; there are: " + names_of(rules);
        }
        return std::vector{rules::rule_set::rule_tag(value)};
    }
    if (name == "group") {
        return with_any({rules::http_cache::group_tag(value)});
    }
    return "'" + std::string(name) + "' is unknown: " + std::string(usage);
}

}  // namespace sidecache::admin
