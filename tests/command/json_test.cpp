#include "proxy/command/check_json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

/// What programs read: its members are those that README.md of proxy/command says, and no others.
namespace sidecache::command {
namespace {

namespace json = boost::json;

json::value checked(std::string_view yaml) {
    auto const nothing = [](std::string_view) { return std::optional<std::string>(); };
    return json::parse(check_json("f.yaml", config::load_text(yaml, "f.yaml", nothing)));
}

constexpr std::string_view good = R"(admin: {listen: 0.0.0.0:9090}
identity: {probe: {path: /me}, vars: {orgId: response.org}}
rules:
  - {name: a, match: "GET /a/{id}", key: "a:{id}", ttl: 90s, lock: {key: "a:{id}:lock"}, partition: [orgId]}
purges:
  - {name: changed, on: "PUT /a/{id}", patterns: ["a:{id}*"], settle: 1s}
)";

void collect(json::value const& value, std::string const& path, std::set<std::string>& out) {
    if (auto const* object = value.if_object()) {
        for (auto const& [name, inner] : *object) {
            collect(inner, path.empty() ? std::string(name) : path + "." + std::string(name), out);
        }
    } else if (auto const* list = value.if_array()) {
        for (auto const& inner : *list) {
            collect(inner, path + "[]", out);
        }
    } else {
        out.insert(path);
    }
}

TEST_CASE("check --json says what was found and what the file does") {
    auto const out = checked(good);
    CHECK(out.at("ok").as_bool());
    CHECK(out.at("warnings").as_int64() == 1);
    CHECK(out.at("findings").at(0).at("level").as_string() == "warning");
    CHECK(out.at("findings").at(0).at("line").to_number<int>() == 1);
    auto const& rule = out.at("rules").at(0);
    CHECK(rule.at("ttl_ms").to_number<int>() == 90'000);
    CHECK(rule.at("shared_by").as_string() == "identity");
    CHECK(rule.at("purged_by").at(0).as_string() == "changed");

    auto const bad = checked("lisen: 1");
    CHECK_FALSE(bad.at("ok").as_bool());
    CHECK(bad.at("errors").as_int64() == 1);
    CHECK(bad.at("rules").as_array().empty());
}

TEST_CASE("README describes each member of check --json") {
    std::set<std::string> found;
    collect(checked(good), "", found);
    std::ifstream in(SIDECACHE_COMMAND_README);
    bool inside = false;
    std::set<std::string> described;
    for (std::string line; std::getline(in, line);) {
        inside =
            (inside || line == "<!-- begin check-json -->") && line != "<!-- end check-json -->";
        if (inside && line.starts_with("| `")) {
            described.insert(line.substr(3, line.find('`', 3) - 3));
        }
    }
    CHECK(described == found);
}

}  // namespace
}  // namespace sidecache::command
