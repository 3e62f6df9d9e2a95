#include "rules/json_path.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;

namespace {

json_path parsed(std::string_view text) {
    auto p = json_path::parse(text);
    REQUIRE(std::holds_alternative<json_path>(p));
    return std::get<json_path>(std::move(p));
}

/// "1 2": the values; "missing", "unusable".
std::string read(std::string_view path, std::string_view json) {
    auto const p = parsed(path);
    auto const values = read_json(json, {&p}).at(0);
    switch (values.what) {
        case json_values::outcome::missing:
            return "missing";
        case json_values::outcome::unusable:
            return "unusable";
        case json_values::outcome::found:
            break;
    }
    std::string out;
    for (auto const& v : values.values) {
        out += (out.empty() ? "" : " ") + v;
    }
    return out;
}

}  // namespace

TEST_CASE("values are read from JSON by path") {
    struct row {
        std::string path;
        std::string json;
        std::string values;
    };
    for (auto const& [path, json, values] : std::vector<row>{
             // scalars
             {".id", R"({"id": "a b"})", "a b"},
             {".id", R"({"x": [{"id": 1}], "id": 7, "y": {"id": 2}})", "7"},
             {".id", R"({"id": "\u0041\n"})", "A\n"},
             {".id", R"({"\u0069d": 7})", "7"},
             {".id", R"({"id": true})", "true"},
             {".id", R"({"id": ""})", ""},
             // numbers
             {".id", R"({"id": -7})", "-7"},
             {".id", R"({"id": 18446744073709551615})", "18446744073709551615"},
             {".id", R"({"id": 18446744073709551616})", "unusable"},
             {".id", R"({"id": 1e2})", "100"},
             {".id", R"({"id": 4503599627370497.0})", "4503599627370497"},
             {".id", R"({"id": 9007199254740992.0})", "unusable"},
             {".id", R"({"id": 0.5})", "unusable"},
             // nested
             {".a.b.c", R"({"a": {"b": {"c": 1}}})", "1"},
             {".a[1].b", R"({"a": [{"b": 1}, {"b": 2}, {"b": 3}]})", "2"},
             {"[0]", R"([5, 6])", "5"},
             {"[0][1]", R"([[5, 6], [7]])", "6"},
             // fan-out
             {".ids[*]", R"({"ids": [1, "2", 3]})", "1 2 3"},
             {"[*].id", R"([{"id": 1}, {"id": 2, "x": []}])", "1 2"},
             {".a[*].b[*]", R"({"a": [{"b": [1]}, {"b": [2, 3]}]})", "1 2 3"},
             // not there
             {".id", R"({})", "missing"},
             {".a.b", R"({"a": {}})", "missing"},
             {".a[2]", R"({"a": [1]})", "missing"},
             {".ids[*]", R"({})", "missing"},
             // there, and no value
             {".id", R"({"id": null})", "unusable"},
             {".id", R"({"id": {}})", "unusable"},
             {".id", R"({"id": []})", "unusable"},
             {".id", R"([1])", "unusable"},
             {".id", R"(7)", "unusable"},
             {"[*].id", R"({"id": 1})", "unusable"},
             {".a.b", R"({"a": 1})", "unusable"},
             {".ids[*]", R"({"ids": []})", "unusable"},
             {".ids[*]", R"({"ids": [1, null]})", "unusable"},
             {".ids[*]", R"({"ids": [1, [2]]})", "unusable"},
             {"[*].id", R"([{"id": 1}, {}])", "unusable"},
             {"[*].id", R"([{}, {}])", "unusable"},
             {".a[*].b[*]", R"({"a": [{"b": [1]}, {"b": []}]})", "unusable"},
             // parsers differ in which of two counts
             {".id", R"({"id": 1, "id": 1})", "unusable"},
             {".a.b", R"({"a": {"b": 1}, "a": {"b": 2}})", "unusable"},
             {".a.b", R"({"a": {}, "a": {"b": 2}})", "unusable"},
             {".id", R"({"x": 1, "x": 2, "id": 3})", "3"},
             // not JSON
             {".id", "", "unusable"},
             {".id", R"({"id": 1)", "unusable"},
             {".id", R"({"id": 1} x)", "unusable"},
             {".id", R"({"id": 1}{"id": 2})", "unusable"},
             {".id", R"({id: 1})", "unusable"},
             {".id", "{\"id\": \"\xff\"}", "unusable"},
             {".id", " {\"id\": 1} \r\n", "1"},
         }) {
        CAPTURE(path);
        CAPTURE(json);
        CHECK(read(path, json) == values);
    }
}

TEST_CASE("JSON nested deeper than 32 is not looked at") {
    auto const nested = [](std::size_t n) {
        return "{\"id\":1,\"x\":" + std::string(n, '[') + std::string(n, ']') + "}";
    };
    CHECK(read(".id", nested(31)) == "1");
    CHECK(read(".id", nested(32)) == "unusable");
    CHECK(read(".id", nested(100'000)) == "unusable");
}

TEST_CASE("several paths are read in one pass") {
    auto const id = parsed(".id");
    auto const tags = parsed(".tags[*]");
    auto const other = parsed(".other");
    auto const read = read_json(R"({"tags": ["a", "b"], "id": 1})", {&id, &tags, &other});
    REQUIRE(read.size() == 3);
    CHECK(read[0].values == std::vector<std::string>{"1"});
    CHECK(read[1].values == std::vector<std::string>{"a", "b"});
    CHECK(read[2].what == json_values::outcome::missing);
}

TEST_CASE("paths that cannot be meant are refused") {
    for (std::string const text : {"", "id", ".", "..a", ".a.", ".a[", ".a[x]", ".a[]", ".a[-1]"}) {
        CAPTURE(text);
        CHECK(std::holds_alternative<template_error>(json_path::parse(text)));
    }
}
