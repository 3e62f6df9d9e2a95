#include "proxy/admin/purge_request.hpp"

#include "rules/rule_set.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>

namespace sidecache::admin {

namespace {

constexpr std::string_view usage =
    R"(send exactly one of {"pattern": "product:42*"}, {"key": "product:42:details"}, {"rule": "NAME"} as JSON)";

std::string names_of(rules::rule_set const& rules) {
    std::string out;
    for (auto const& r : rules.rules()) {
        out += out.empty() ? "" : ", ";
        out += r.definition.name.value;
    }
    return out;
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
    if (members == nullptr || members->size() != 1 || !members->begin()->value().is_string()) {
        return std::string(usage);
    }
    auto const name = std::string_view(members->begin()->key());
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
    return "'" + std::string(name) + "' is unknown: " + std::string(usage);
}

}  // namespace sidecache::admin
