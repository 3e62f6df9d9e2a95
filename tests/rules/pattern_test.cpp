#include "rules/pattern.hpp"

#include "rules/unify.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;

namespace {

pattern parsed(std::string_view text) {
    auto p = pattern::parse(text);
    if (auto* error = std::get_if<template_error>(&p)) {
        FAIL(std::string(text) << ": " << error->text);
    }
    return std::get<pattern>(std::move(p));
}

key_template key(std::string_view text) {
    auto k = key_template::parse(text);
    if (auto* error = std::get_if<template_error>(&k)) {
        FAIL(std::string(text) << ": " << error->text);
    }
    return std::get<key_template>(std::move(k));
}

bool covers(std::string_view rendered_pattern, std::string_view rendered_key) {
    auto const p = pattern::parse_rendered(rendered_pattern);
    REQUIRE(std::holds_alternative<pattern>(p));
    return matches(std::get<pattern>(p), rendered_key);
}

}  // namespace

TEST_CASE("a '*' at the end is any rest from a segment boundary on") {
    CHECK(covers("product:1*", "product:1"));
    CHECK(covers("product:1*", "product:1:details"));
    CHECK(covers("product:1*", "product:1:details:more"));
    CHECK_FALSE(covers("product:1*", "product:12"));
    CHECK_FALSE(covers("product:1*", "product:12:details"));
    CHECK_FALSE(covers("product:1*", "product"));
    CHECK(covers("products:org:7:*", "products:org:7:page:1"));
    CHECK(covers("products:org:7:*", "products:org:7:"));
    CHECK_FALSE(covers("products:org:7:*", "products:org:7"));
    CHECK_FALSE(covers("products:org:7:*", "products:org:77:page:1"));
    CHECK(covers("*", "anything:at:all"));
}

TEST_CASE("a '*' between colons is one segment") {
    CHECK(covers("schema:*:products", "schema:9:products"));
    CHECK(covers("schema:*:products", "schema::products"));
    CHECK_FALSE(covers("schema:*:products", "schema:9:1:products"));
    CHECK_FALSE(covers("schema:*:products", "schema:products"));
    CHECK_FALSE(covers("schema:*:products", "schema:9:products:more"));
}

TEST_CASE("values are data in patterns too") {
    CHECK(render(parsed("product:{id}*"), {"*"}) == "product:%2A*");
    CHECK_FALSE(covers(render(parsed("product:{id}*"), {"*"}), "product:1"));
    CHECK(covers(render(parsed("product:{id}*"), {"1:details"}), "product:1%3Adetails:details"));
    CHECK_FALSE(covers(render(parsed("product:{id}*"), {"1:details"}), "product:1:details"));
}

TEST_CASE("a variable that is not known becomes '*', and with it its segment") {
    struct row {
        std::string text;
        std::uint64_t mask;
        std::string widened;
    };
    for (auto const& [text, mask, widened] : std::vector<row>{
             {"org:{orgId}:products", 1, "org:*:products"},
             {"product:{id}*", 1, "product:*"},
             {"product:{id}", 1, "product:*"},
             {"products:org:{orgId}:*", 1, "products:org:*:*"},
             {"a:{x}:{y}", 1, "a:*:{y}"},
             {"a:{x}:{y}", 2, "a:{x}:*"},
             {"a:{x}:{y}", 3, "a:*:*"},
             {"a:v{x}.json:b", 1, "a:*:b"},
         }) {
        CAPTURE(text);
        CHECK(parsed(text).widened(mask).text() == widened);
    }
}

TEST_CASE("patterns and keys that cannot be meant are refused") {
    for (std::string const text : {"",
                                   "a:b*c",
                                   "a:*b",
                                   "a:**",
                                   "a:b*:c",
                                   "a:{x",
                                   "a:x}",
                                   "a:{}",
                                   "a:{x}{y}",
                                   "a:{x}-{y}",
                                   "a b",
                                   "a:?",
                                   "a:[b]",
                                   "a|b",
                                   "a%3A"}) {
        CAPTURE(text);
        CHECK(std::holds_alternative<template_error>(pattern::parse(text)));
        CHECK(std::holds_alternative<template_error>(key_template::parse(text)));
    }
    CHECK(std::holds_alternative<template_error>(key_template::parse("a:*")));
    CHECK(std::holds_alternative<template_error>(pattern::parse_rendered("a:{x}")));
}

TEST_CASE("unification: which entries of a rule a pattern can cover") {
    struct row {
        std::string pattern;
        std::string key;
        reach what;
    };
    for (auto const& [p, k, what] : std::vector<row>{
             {"product:{id}*", "product:{id}:details", reach::some},
             {"product:{id}*", "product:{id}", reach::some},
             {"product:*", "product:{id}:details", reach::all},
             {"product:*:details", "product:{id}:details", reach::all},
             {"product:*:details", "product:{id}", reach::none},
             {"product:{id}", "product:{id}:details", reach::none},
             {"product:42*", "product:{id}:details", reach::some},
             {"products:{what}", "products:list", reach::some},
             {"products:list", "products:list", reach::all},
             {"products:org:{o}:*", "products:org:{o}:page:{p}", reach::some},
             {"products:org:{o}:*", "products:org:{o}", reach::none},
             {"product:{id}*", "products:{id}", reach::none},
             {"a:v{x}", "a:{y}", reach::some},
             {"a:v{x}", "a:w{y}", reach::none},
             {"a:{x}.json", "a:{y}.xml", reach::none},
             {"*", "a:{y}:c", reach::all},
         }) {
        CAPTURE(p);
        CAPTURE(k);
        CHECK(unify(parsed(p), key(k)).what == what);
    }
}

TEST_CASE("which keys can collide") {
    CHECK(can_collide(key("product:{id}"), key("product:{sku}")));
    CHECK(can_collide(key("product:{id}"), key("product:list")));
    CHECK(can_collide(key("{a}:x"), key("y:{b}")));
    CHECK(can_collide(key("a:v{x}"), key("a:{y}z")));
    CHECK_FALSE(can_collide(key("product:{id}"), key("product:{id}:details")));
    CHECK_FALSE(can_collide(key("product:{id}:lock"), key("product:{id}:details")));
    CHECK_FALSE(can_collide(key("a:v{x}"), key("a:w{y}")));
}
