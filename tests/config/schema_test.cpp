#include "config/init/init.hpp"
#include "config/keys.hpp"
#include "tests/config/given.hpp"
#include "tests/config/schema_validator.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// schema.json is for editors; the loader never reads it. What holds it to the loader's own table
/// of keys is here.
namespace sidecache::tests {
namespace {

namespace json = boost::json;

json::value const& schema() {
    static json::value const parsed = json::parse(shipped("schema.json"));
    return parsed;
}

/// What an editor makes of YAML: numbers and booleans where plain words look like them.
json::value as_json(YAML::Node const& node) {
    if (node.IsMap()) {
        json::object out;
        for (auto const& pair : node) {
            out[pair.first.as<std::string>()] = as_json(pair.second);
        }
        return out;
    }
    if (node.IsSequence()) {
        json::array out;
        for (auto const& item : node) {
            out.push_back(as_json(item));
        }
        return out;
    }
    auto const is_plain = node.Tag() == "?";
    boost::system::error_code ec;
    auto value = json::parse(node.IsNull() ? "null" : node.Scalar(), ec);
    if (is_plain && !ec && !value.is_string() && !value.is_structured()) {
        return value;
    }
    return json::value(json::string(node.Scalar()));
}

json::value yaml(std::string const& text) {
    return as_json(YAML::Load(text));
}

/// Every key that a schema object describes, as keys.hpp writes its path.
void collect(json::object const& object,
             std::string const& path,
             std::map<std::string, json::object>& out) {
    if (auto const* properties = object.if_contains("properties")) {
        for (auto const& [name, property] : properties->as_object()) {
            auto const at = path.empty() ? std::string(name) : path + "." + std::string(name);
            out.emplace(at, property.as_object());
            collect(property.as_object(), at, out);
        }
    }
    if (auto const* items = object.if_contains("items")) {
        collect(items->as_object(), path + "[]", out);
    }
    // `vars`: a source, or a mapping with more to say.
    auto const* others = object.if_contains("additionalProperties");
    if (others != nullptr && others->is_object()) {
        for (auto const& choice : others->at("anyOf").as_array()) {
            collect(choice.as_object(), path + "{}", out);
        }
    }
}

std::string as_written(json::value const& value) {
    if (auto const* list = value.if_array()) {
        std::string out;
        for (auto const& item : *list) {
            out += (out.empty() ? "" : ", ") + as_written(item);
        }
        return "[" + out + "]";
    }
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

TEST_CASE("the schema describes the keys that the loader takes, and no others") {
    std::map<std::string, json::object> described;
    collect(schema().as_object(), "", described);
    for (auto const& key : config::known_keys()) {
        CAPTURE(key.path);
        auto const found = described.find(std::string(key.path));
        REQUIRE(found != described.end());
        auto const& property = found->second;
        CHECK(property.at("description").as_string() == key.text);
        auto const* fallback = property.if_contains("default");
        CHECK((fallback == nullptr ? "" : as_written(*fallback)) == key.fallback);
        if (auto const* types = property.if_contains("allOf")) {
            CHECK(types->as_array().at(0).at("$ref").as_string() ==
                  "#/definitions/" + std::string(key.type));
        } else {
            CHECK(std::set<std::string_view>{"section", "rules", "purges", "variables"}.contains(
                key.type));
        }
        described.erase(found);
    }
    for (auto const& [path, property] : described) {
        FAIL_CHECK("the loader does not know " << path);
    }
}

TEST_CASE("every default is one that the schema allows") {
    for (auto const& key : config::known_keys()) {
        if (key.fallback.empty()) {
            continue;
        }
        CAPTURE(key.path);
        auto const& type = schema().at("definitions").at(key.type);
        json::object with_definitions = type.as_object();
        with_definitions["definitions"] = schema().at("definitions");
        CHECK(mistake_in(yaml(std::string(key.fallback)), with_definitions) == "");
    }
}

TEST_CASE("every example that an editor offers is one that the schema allows") {
    int examples = 0;
    for (auto const& [name, type] : schema().at("definitions").as_object()) {
        auto const* offered = type.as_object().if_contains("examples");
        if (offered == nullptr) {
            continue;
        }
        json::object with_definitions = type.as_object();
        with_definitions["definitions"] = schema().at("definitions");
        for (auto const& example : offered->as_array()) {
            CAPTURE(name);
            CHECK(mistake_in(example, with_definitions) == "");
            ++examples;
        }
    }
    CHECK(examples > 10);
}

TEST_CASE("each shipped file loads without an error or a warning, and is right by the schema") {
    namespace fs = std::filesystem;
    fs::path const folder(SIDECACHE_CONFIG_DIR);
    std::vector<fs::path> files{folder / "products.yaml"};
    for (auto const& entry : fs::directory_iterator(folder / "examples")) {
        if (entry.path().extension() == ".yaml") {
            files.push_back(entry.path());
        }
    }
    CHECK(files.size() >= 4);
    for (auto const& file : files) {
        CAPTURE(file.filename().string());
        auto const text = shipped(fs::relative(file, folder).string());
        CHECK(mistake_in(yaml(text), schema()) == "");
        auto const loaded = load(text, {{"SIDECACHE_ADMIN_TOKEN", "of-the-test"}});
        CHECK(findings_of(loaded) == "");
        CHECK(loaded.config);
        // An editor finds the schema by the path that the file gives.
        std::string const marker = "# yaml-language-server: $schema=";
        auto const at = text.find(marker);
        REQUIRE(at != std::string::npos);
        auto const named =
            text.substr(at + marker.size(), text.find('\n', at) - at - marker.size());
        CHECK(fs::equivalent(file.parent_path() / named, folder / "schema.json"));
    }
}

TEST_CASE("what init makes is right by the schema") {
    for (auto const* const name : {"products.yaml", "petstore.json", "nasty.yaml"}) {
        CAPTURE(name);
        std::ifstream in(std::string(SIDECACHE_OPENAPI_DIR) + "/" + name);
        std::ostringstream api;
        api << in.rdbuf();
        config::report found(name);
        auto const made = config::init::make(api.str(), {}, {.source = name}, found);
        REQUIRE(made);
        CHECK(mistake_in(yaml(made->yaml), schema()) == "");
    }
}

TEST_CASE("the schema finds what an editor should underline") {
    auto const rule = std::string("rules: [{name: a, match: GET /a, key: a, ttl: 1s");
    CHECK(mistake_in(yaml(rule + "}]"), schema()) == "");
    CHECK(mistake_in(
              yaml(rule +
                   ", statuses: {404: 1s}, vars: {a: query.a, b: {from: query.b, default: 1}}}]"),
              schema()) == "");
    CHECK(mistake_in(yaml("rules: [{name: a, match: GET /a, ttl: origin}]"), schema()) == "");
    CHECK(mistake_in(yaml("workers: ${N:-1}\nupstream: {timeout: \"${T}\"}"), schema()) == "");
    CHECK(mistake_in(yaml("limits: {max_body: 0}"), schema()) == "");
    for (std::string const wrong : {
             "lisen: 0.0.0.0:80",
             "listen: 8080",
             "identity: {}",
             "identity: {probe: {}, vars: {a: response.a}}",
             "identity: {probe: {path: me}, vars: {a: response.a}}",
             "identity: {probe: {path: /me}, vars: {a: body.a}}",
             "identity: {probe: {path: /me, forward: Cookie}, vars: {a: response.a}}",
             "upstream: {timeout: 30}",
             "limits: {max_header: 100}",
             "store: {on_down: maybe}",
             "store: {retry: {tries: 1}}",
             "log: {access: {hits: sometimes}}",
             "rules: [{name: a, match: GET /a, key: a, ttl: 1s, partition: []}]",
             "rules: [{name: a, match: GET /a, key: a, ttl: 1s, partition: nobody}]",
             "rules: [{name: a, match: GET /a}]",
             "rules: [{name: a, match: /a, key: a}]",
             "rules: [{name: a, match: GET /a, key: a, ttl: 600}]",
             "rules: [{name: a, match: GET /a, key: a, tll: 10m}]",
             "rules: [{name: a, match: GET /a, key: a, statuses: {ok: 1s}}]",
             "rules: [{name: a, match: GET /a, key: a, vars: {q: {default: 1}}}]",
             "rules: [{name: a, match: GET /a, key: a, vars: {q: nowhere}}]",
             "rules: [{name: a, match: GET /a, key: a, lock: {ttl: 1s}}]",
             "purges: [{name: a, on: PUT /a, patterns: []}]",
             "purges: [{name: a, on: PUT /a, patterns: [a], settle: 1}]",
         }) {
        CAPTURE(wrong);
        CHECK(mistake_in(yaml(wrong), schema()) != "");
    }
}

}  // namespace
}  // namespace sidecache::tests
