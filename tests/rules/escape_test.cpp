#include "rules/escape.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace sidecache::rules;

TEST_CASE("values are escaped where they hold syntax, and only there") {
    struct row {
        std::string value;
        std::string text;
    };
    for (auto const& [value, text] : std::vector<row>{
             {"42", "42"},
             {"a-b_c.d~e", "a-b_c.d~e"},
             {"a,b/c;d=e&f@g+h", "a,b/c;d=e&f@g+h"},
             {"1:details", "1%3Adetails"},
             {"*", "%2A"},
             {"?[]{}%|", "%3F%5B%5D%7B%7D%25%7C"},
             {"red shoes", "red%20shoes"},
             {"a\r\nDEL b", "a%0D%0ADEL%20b"},
             {std::string("\0", 1), "%00"},
             {"\x7f", "%7F"},
             {"caf\xC3\xA9", "caf\xC3\xA9"},
             {"%3A", "%253A"},
             {"", ""},
         }) {
        CAPTURE(value);
        CHECK(escaped(value) == text);
        CHECK(unescaped(text) == value);
    }
}

TEST_CASE("text that no value could render to is not unescaped") {
    for (std::string const text : {"a:b", "*", "%", "%3", "%zz", "%3a", "%41", "a b", "{x}"}) {
        CAPTURE(text);
        CHECK(unescaped(text) == std::nullopt);
    }
}

TEST_CASE("what a target holds is decoded before it is escaped") {
    struct row {
        std::string raw;
        coding how;
        std::string text;
        std::string normal_form;
        bool ordinary;
    };
    for (auto const& [raw, how, text, normal_form, ordinary] : std::vector<row>{
             {"42", coding::path, "42", "42", true},
             {"%34%32", coding::path, "42", "42", false},
             {"1%3Adetails", coding::path, "1%3Adetails", "1%3Adetails", true},
             {"1%3adetails", coding::path, "1%3Adetails", "1%3Adetails", false},
             {"1:details", coding::path, "1%3Adetails", "1:details", false},
             {"a,b", coding::path, "a,b", "a,b", true},
             {"a%2Cb", coding::path, "a,b", "a%2Cb", false},
             {"a+b", coding::path, "a+b", "a+b", true},
             {"a+b", coding::query, "a%20b", "a+b", false},
             {"a%20b", coding::query, "a%20b", "a%20b", true},
             {"a%2Bb", coding::query, "a+b", "a%2Bb", false},
             {"100%", coding::query, "100%25", "100%", false},
             {"100%25", coding::query, "100%25", "100%25", true},
             {"%C3%A9", coding::query, "\xC3\xA9", "%C3%A9", false},
             {"%3A", coding::plain, "%253A", "%3A", true},
         }) {
        CAPTURE(raw);
        std::string value;
        append_value(value, raw, how);
        CHECK(value == text);
        std::string form;
        append_normal_form(form, raw);
        CHECK(form == normal_form);
        CHECK(is_ordinary(raw, how) == ordinary);
    }
}

TEST_CASE("property: escaping is undone exactly, and its text holds no syntax but '%'") {
    auto const seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> byte(0, 255);
    std::uniform_int_distribution<std::size_t> size(0, 40);
    for (int round = 0; round < 20'000; ++round) {
        std::string value(size(random), ' ');
        for (auto& c : value) {
            c = static_cast<char>(byte(random));
        }
        auto const text = escaped(value);
        REQUIRE(unescaped(text) == value);
        for (char const c : text) {
            REQUIRE((c == '%' || !is_syntax(c)));
        }
        std::string twice;
        append_value(twice, text, coding::path);
        REQUIRE(twice == text);
    }
}

TEST_CASE(
    "property: raw texts of one value share their key; is_ordinary says which of them it is") {
    auto const seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string const alphabet =
        "aZ9%+:*|,;/ \xC3"
        "0123456789ABCDEFabcdef%%%";
    std::uniform_int_distribution<std::size_t> pick(0, alphabet.size() - 1);
    std::uniform_int_distribution<std::size_t> size(0, 12);
    for (int round = 0; round < 50'000; ++round) {
        std::string raw(size(random), ' ');
        for (auto& c : raw) {
            c = alphabet[pick(random)];
        }
        for (auto const how : {coding::path, coding::query}) {
            std::string value;
            append_value(value, raw, how);
            std::string decoded;
            append_decoded(decoded, raw, how);
            REQUIRE(value == escaped(decoded));
            CAPTURE(raw);
            REQUIRE(is_ordinary(raw, how) == (raw == value));
        }
    }
}
