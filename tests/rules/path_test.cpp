#include "rules/path_form.hpp"
#include "rules/path_template.hpp"
#include "rules/rule_set.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;

namespace {

path_template parsed(std::string_view text) {
    auto t = path_template::parse(text);
    if (auto* error = std::get_if<template_error>(&t)) {
        FAIL(error->text);
    }
    return std::get<path_template>(std::move(t));
}

/// "42|7" for captures, "-" for no match.
std::string captured(path_template const& t, std::string_view path, bool lenient = false) {
    path_captures c;
    path_segments const segments(path);
    if (lenient ? !t.matches_leniently(segments, c) : !t.matches(segments, c)) {
        return "-";
    }
    std::string out;
    for (std::size_t i = 0; i < t.variables().size(); ++i) {
        out += (i == 0 ? "" : "|") + std::string(c.values[i]);
    }
    return out;
}

std::string lenient_form(std::string_view path) {
    std::string out;
    append_lenient_form(out, path);
    return out;
}

}  // namespace

TEST_CASE("a path template matches segment by segment") {
    struct row {
        std::string path_template;
        std::string path;
        std::string captures;
    };
    for (auto const& [text, path, captures] : std::vector<row>{
             {"/products/{id}", "/products/42", "42"},
             {"/products/{id}", "/products/4%2C2", "4%2C2"},
             {"/products/{id}", "/%70roducts/42", "42"},
             {"/products/{id}", "/Products/42", "-"},
             {"/products/{id}", "/products", "-"},
             {"/products/{id}", "/products/", "-"},
             {"/products/{id}", "/products/42/", "-"},
             {"/products/{id}", "/products/42/summary", "-"},
             {"/products/{id}/summary", "/products/42/summary", "42"},
             {"/a/{x}/b/{y}", "/a/1/b/2", "1|2"},
             {"/files/{rest*}", "/files/a", "a"},
             {"/files/{rest*}", "/files/a/b%2Fc", "a/b%2Fc"},
             {"/files/{rest*}", "/files", "-"},
             {"/{rest*}", "/a/b/c", "a/b/c"},
             {"/", "/", ""},
             {"/", "/a", "-"},
             {"/p/{id}.json", "/p/42.json", "42"},
             {"/p/{id}.json", "/p/.json", "-"},
             {"/p/{id}.json", "/p/42.xml", "-"},
             {"/a%2Cb", "/a%2cb", ""},
             {"/a%2Cb", "/a,b", "-"},
             {"/a,b", "/a%2Cb", "-"},
         }) {
        CAPTURE(text);
        CAPTURE(path);
        CHECK(captured(parsed(text), path) == captures);
    }
}

TEST_CASE("mutations are matched without regard to case and encoding of literals") {
    CHECK(captured(parsed("/products/{id}"), "/PRODUCTS/4A", true) == "4A");
    CHECK(captured(parsed("/a,b/{id}"), "/A%2cB/1", true) == "1");
    CHECK(captured(parsed("/p/{id}.json"), "/P/4.JSON", true) == "4");
    CHECK(captured(parsed("/products/{id}"), "/productz/42", true) == "-");
}

TEST_CASE("path templates that cannot be meant are refused") {
    for (std::string const text : {"",
                                   "products",
                                   "/products/{id",
                                   "/products/id}",
                                   "/products/{}",
                                   "/products/{1d}",
                                   "/products/{a}{b}",
                                   "/products/{id}/x/{id}",
                                   "/{rest*}/x",
                                   "/x{rest*}",
                                   "/a//b",
                                   "/a/",
                                   "/a/../b",
                                   "/a;b",
                                   "/a%2Fb",
                                   "/a%zz",
                                   "/a?b=c"}) {
        CAPTURE(text);
        CHECK(std::holds_alternative<template_error>(path_template::parse(text)));
    }
}

TEST_CASE("which template covers which") {
    struct row {
        std::string a;
        std::string b;
        bool covers;
    };
    for (auto const& [a, b, covers] : std::vector<row>{
             {"/p/{id}", "/p/{other}", true},
             {"/p/{id}", "/p/list", true},
             {"/p/list", "/p/{id}", false},
             {"/p/{id}", "/p/{rest*}", false},
             {"/p/{rest*}", "/p/{id}", true},
             {"/p/{rest*}", "/p/{id}/x", true},
             {"/p/{rest*}", "/p", false},
             {"/{rest*}", "/p/{rest*}", true},
             {"/p/{rest*}", "/{rest*}", false},
             {"/p/{id}", "/p/{id}.json", true},
             {"/p/{id}.json", "/p/{id}", false},
             {"/p/{id}.json", "/p/a.json", true},
             {"/p/{id}.json", "/p/.json", false},
         }) {
        CAPTURE(a);
        CAPTURE(b);
        CHECK(parsed(a).covers(parsed(b)) == covers);
    }
}

TEST_CASE("paths that leave open what a backend sees are odd") {
    for (std::string const path : {"/",
                                   "/a",
                                   "/a/b.c",
                                   "/a/...",
                                   "/a/.b",
                                   "/a/%2E%2E%2E",
                                   "/a/%3B",
                                   "/a/1%3Adetails",
                                   "/a/*",
                                   "/a/caf\xC3\xA9"}) {
        CAPTURE(path);
        CHECK_FALSE(is_odd_path(path));
    }
    for (std::string const path :
         {"",      "a",        "*",       "//",     "/a/",    "/a//b",  "/a/./b",
          "/a/..", "/a/%2e/b", "/a/.%2E", "/a%2Fb", "/a%2fb", "/a%5Cb", "/a\\b",
          "/a;b",  "/a#b",     "/a%00",   "/a%zz",  "/a%4",   "/a\x01", "/a b"}) {
        CAPTURE(path);
        CHECK(is_odd_path(path));
    }
}

TEST_CASE("the lenient form is what a generous backend would see") {
    struct row {
        std::string path;
        std::string form;
    };
    for (auto const& [path, form] : std::vector<row>{
             {"/a/b", "/a/b"},
             {"/", "/"},
             {"", "/"},
             {"//a///b//", "/a/b"},
             {"/a/./b/.", "/a/b"},
             {"/a/b/../c", "/a/c"},
             {"/../../a", "/a"},
             {"/a/..", "/"},
             {"/a/%2e%2E/b", "/b"},
             {"/a%2Fb%5cc\\d", "/a/b/c/d"},
             {"/a;x=1/b;y/../c", "/a/c"},
             {"/;x", "/"},
             {"/a/b%2Cc", "/a/b%2Cc"},
             {"/a/b%zz", "/a/b%zz"},
         }) {
        CAPTURE(path);
        CHECK(lenient_form(path) == form);
    }
}

TEST_CASE("a path's tag is the same for what many backends take for the same resource") {
    CHECK(rule_set::path_tag("/products/42") == "path:/products/42");
    for (std::string const path :
         {"/Products/42", "/products/42/", "/%70roducts/%34%32", "/PRODUCTS/42//"}) {
        CAPTURE(path);
        CHECK(rule_set::path_tag(path) == "path:/products/42");
    }
    CHECK(rule_set::path_tag("/") == "path:/");
    CHECK(rule_set::path_tag("/caf\xC3\xA9") == rule_set::path_tag("/caf%c3%a9"));
    CHECK(rule_set::path_tag("/a%2Cb") != rule_set::path_tag("/a,b"));
}

TEST_CASE("paths longer than 64 segments match a rest only") {
    std::string path;
    for (int i = 0; i < 100; ++i) {
        path += "/x";
    }
    CHECK(captured(parsed("/{rest*}"), path) == path.substr(1));
    std::string sixty_four;
    for (int i = 0; i < 64; ++i) {
        sixty_four += "/x";
    }
    CHECK(captured(parsed(sixty_four), path) == "-");
    CHECK(captured(parsed(sixty_four), sixty_four) == "");
}
