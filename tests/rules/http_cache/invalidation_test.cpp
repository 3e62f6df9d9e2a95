#include "rules/http_cache/invalidation.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

request const asked{.method = "POST",
                    .target = "/a/b?q=1",
                    .host = "shop.example:8080",
                    .fields = {},
                    .has_body = true,
                    .identity = std::nullopt};

}  // namespace

TEST_CASE("RFC 9111 section 4.4: URIs of the same origin") {
    struct row {
        std::string_view reference;
        std::string_view path;
    };
    for (auto const& [reference, path] : std::vector<row>{
             {"/c", "/c"},
             {"/c/d?x=1#y", "/c/d"},
             {"c", "/a/c"},
             {"./c", "/a/c"},
             {"../c", "/c"},
             {"../../../c", "/c"},
             {"c/./d/../e", "/a/c/e"},
             {"?x=2", "/a/b"},
             {"", "/a/b"},
             {"http://shop.example:8080/c", "/c"},
             {"https://SHOP.example:8080/c?x", "/c"},
             {"http://shop.example:8080", "/"},
             {"http://shop.example:8080?x", ""},
             {"//shop.example:8080/c", "/c"},
             {"c:/d", ""},
             // another origin
             {"http://other.example/c", ""},
             {"http://shop.example/c", ""},
             {"//other.example/c", ""},
             {"ftp://shop.example:8080/c", ""},
             {"mailto:x@y", ""},
         }) {
        CAPTURE(reference);
        auto const got = same_origin_path(asked, reference);
        if (reference == "http://shop.example:8080?x") {
            CHECK(got == "/a/b");  // too much goes, never too little
        } else {
            CHECK(got == path);
        }
    }
}

TEST_CASE("RFC 9111 section 4.4: Location and Content-Location of what is no error") {
    lines const both{{"Location", "/c"}, {"Content-Location", "http://other.example/d"}};
    CHECK(made_stale(asked, 201, both).paths == std::vector<std::string>{"/c"});
    CHECK(made_stale(asked, 303, both).paths == std::vector<std::string>{"/c"});
    CHECK(made_stale(asked, 404, both).paths.empty());
    CHECK(made_stale(asked, 500, both).paths.empty());
    CHECK(made_stale(asked, 201, both).groups.tags.empty());
}

TEST_CASE("RFC 9875 section 3: Cache-Group-Invalidation") {
    lines const groups{{"Cache-Group-Invalidation", "\"b\", \"a\""},
                       {"cache-group-invalidation", "\"b\";x=1"}};
    std::vector<std::string> const both{"cache-group:a", "cache-group:b"};
    CHECK(made_stale(asked, 204, groups).groups.tags == both);
    CHECK(made_stale(asked, 303, groups).groups.tags == both);
    CHECK(made_stale(asked, 400, groups).groups.tags.empty());
    CHECK(made_stale(asked, 500, groups).groups.tags.empty());
    for (std::string_view const text :
         {"a", "\"a\", 1", "\"a", "\"a\",", "(\"a\")", "\"a\" \"b\""}) {
        CAPTURE(text);
        lines const wrong{{"Cache-Group-Invalidation", text}};
        auto const got = made_stale(asked, 204, wrong).groups;
        CHECK(got.is_unreadable);
        CHECK(got.tags.empty());
    }
    lines const none{{"Cache-Group-Invalidation", ""}};
    CHECK_FALSE(made_stale(asked, 204, none).groups.is_unreadable);
}

TEST_CASE("RFC 9875 section 2: the groups that a response belongs to") {
    using tags = std::vector<std::string>;
    auto const of = [](lines const& response) { return group_tags_of(response); };
    CHECK(of({}).empty());
    CHECK(of({{"Cache-Groups", "\"b\", \"a\";x, \"a\""}}) ==
          tags{"cache-group:a", "cache-group:b"});
    CHECK(of({{"Cache-Groups", "\"a:*\""}}) == tags{"cache-group:a%3A%2A"});
    CHECK(of({{"Cache-Groups", "\"A\""}, {"Cache-Groups", "\"a\""}}) ==
          tags{"cache-group:A", "cache-group:a"});
    CHECK(of({{"Surrogate-Key", " product/1 \t catalogue "}, {"surrogate-key", "x"}}) ==
          tags{"cache-group:catalogue", "cache-group:product/1", "cache-group:x"});
    CHECK(of({{"Cache-Groups", "\"a\""}, {"Surrogate-Key", "a b"}}) ==
          tags{"cache-group:a", "cache-group:b"});
    // What nobody can read, or keep: it goes with any group.
    tags const any{std::string(any_group)};
    CHECK(of({{"Cache-Groups", "a"}}) == any);
    CHECK(of({{"Cache-Groups", "\"a\", b"}, {"Surrogate-Key", "c"}}) == any);
    std::string many;
    for (std::size_t i = 0; i < max_groups; ++i) {
        many += "k" + std::to_string(i) + " ";
    }
    CHECK(of({{"Surrogate-Key", many}}).size() == max_groups);
    auto const one_more = many + "z";
    CHECK(of({{"Surrogate-Key", one_more}}) == any);
    // No name is the tag of all.
    CHECK(group_tag("*") != any_group);
}
