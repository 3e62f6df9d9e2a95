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
    CHECK_FALSE(made_stale(asked, 201, both).groups);
}

TEST_CASE("RFC 9875 section 3: Cache-Group-Invalidation") {
    lines const groups{{"Cache-Group-Invalidation", "\"a\", \"b\""}};
    CHECK(made_stale(asked, 204, groups).groups);
    CHECK_FALSE(made_stale(asked, 400, groups).groups);
}
