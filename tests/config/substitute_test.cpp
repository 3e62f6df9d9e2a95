#include "config/substitute.hpp"

#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sidecache::config {
namespace {

std::string filled(std::string_view text, tests::variables set) {
    auto const out = substitute(text, tests::environment_of(std::move(set)));
    auto const* bad = std::get_if<problem>(&out);
    return bad == nullptr ? std::get<std::string>(out) : "refused: " + bad->text + "; " + bad->hint;
}

TEST_CASE("variables are filled in anywhere in a value") {
    tests::variables const set{{"HOST", "redis.local"}, {"DB", "3"}, {"EMPTY", ""}};
    struct {
        std::string_view text;
        std::string_view expected;
    } const table[] = {
        {"plain", "plain"},
        {"", ""},
        {"${HOST}", "redis.local"},
        {"redis://${HOST}:6379/${DB}", "redis://redis.local:6379/3"},
        {"${HOST:-127.0.0.1}", "redis.local"},
        {"${NONE:-127.0.0.1:8080}", "127.0.0.1:8080"},
        {"${NONE:-}", ""},
        // Set but empty: as in a shell, `:-` takes the default, the plain form takes what is there.
        {"${EMPTY:-default}", "default"},
        {"<${EMPTY}>", "<>"},
        // A default ends at its own brace, and may name further variables.
        {"${NONE:-product:{id}}:x", "product:{id}:x"},
        {"${NONE:-${HOST}}", "redis.local"},
        {"${NONE:-${NONE_EITHER:-last}}", "last"},
        // What is no variable stays as it is.
        {"$", "$"},
        {"a$b$$c", "a$b$$c"},
        {"$HOST", "$HOST"},
        {"product:{id}:$", "product:{id}:$"},
        {"$${HOST}", "${HOST}"},
        {"a$${HOST}b${DB}", "a${HOST}b3"},
    };
    for (auto const& [text, expected] : table) {
        CAPTURE(text);
        CHECK(filled(text, set) == expected);
    }
}

TEST_CASE("what a variable holds is not looked at again") {
    CHECK(filled("${A}", {{"A", "${B}"}, {"B", "secret"}}) == "${B}");
    CHECK(filled("${A:-x}", {{"A", "$${B}"}}) == "$${B}");
}

TEST_CASE("what cannot be filled in says why") {
    struct {
        std::string_view text;
        std::string_view expected;
    } const table[] = {
        {"${NONE}",
         "refused: the environment variable `NONE` is not set; set it, or give a default: "
         "${NONE:-...}"},
        {"${NONE:-${OTHER}}",
         "refused: the environment variable `OTHER` is not set; set it, or give a default: "
         "${OTHER:-...}"},
        {"${HOST", "refused: a `${` has no closing brace; a literal ${ is written $${"},
        {"${}",
         "refused: what stands in `${...}` is not the name of a variable; write ${NAME} or "
         "${NAME:-default}; a literal "
         "${ is written $${"},
        {"${1A}",
         "refused: what stands in `${...}` is not the name of a variable; write ${NAME} or "
         "${NAME:-default}; a "
         "literal ${ is written $${"},
        {"${A:?no}",
         "refused: `${A...}` is not understood; the one form with a default is ${NAME:-default}"},
    };
    for (auto const& [text, expected] : table) {
        CAPTURE(text);
        CHECK(filled(text, {}) == expected);
    }
}

TEST_CASE("neither nested defaults nor repetition run away") {
    std::string nested = "x";
    for (int i = 0; i < 50; ++i) {
        nested = "${NONE:-" + nested + "}";
    }
    CHECK(filled(nested, {}) == "refused: defaults inside defaults are nested too deeply; ");

    std::string many;
    for (int i = 0; i < 200; ++i) {
        many += "${A}";
    }
    CHECK(filled(many, {{"A", std::string(10'000, 'a')}}) ==
          "refused: the value is longer than 1 MiB once its variables are filled in; ");
}

}  // namespace
}  // namespace sidecache::config
