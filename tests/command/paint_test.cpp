#include "proxy/command/paint.hpp"

#include "proxy/command/finding_text.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

/// Colors, and findings as a person sees them.
namespace sidecache::command {
namespace {

variable environment(std::map<std::string, std::string, std::less<>> set) {
    return [set = std::move(set)](std::string_view name) {
        auto const found = set.find(name);
        return found == set.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST_CASE(
    "colored: the option, then NO_COLOR, then CLICOLOR_FORCE, then whether it is a terminal") {
    struct row {
        color wish;
        bool is_terminal;
        std::map<std::string, std::string, std::less<>> set;
        bool colored;
    };
    for (auto const& [wish, is_terminal, set, colored] : std::vector<row>{
             {color::automatic, true, {}, true},
             {color::automatic, false, {}, false},
             {color::automatic, true, {{"TERM", "dumb"}}, false},
             {color::automatic, true, {{"NO_COLOR", "1"}}, false},
             {color::automatic, true, {{"NO_COLOR", ""}}, true},
             {color::automatic, false, {{"CLICOLOR_FORCE", "1"}}, true},
             {color::automatic, false, {{"CLICOLOR_FORCE", "0"}}, false},
             {color::automatic, true, {{"NO_COLOR", "1"}, {"CLICOLOR_FORCE", "1"}}, false},
             {color::always, false, {{"NO_COLOR", "1"}}, true},
             {color::never, true, {{"CLICOLOR_FORCE", "1"}}, false},
         }) {
        CHECK(is_colored(wish, is_terminal, environment(set)) == colored);
    }
    CHECK(parse_color("always") == color::always);
    CHECK_FALSE(parse_color("sometimes"));
}

TEST_CASE("without color the text is the same") {
    std::string const text = "rule a\n    key        product:{id}\n\nf: 1 rule\n";
    CHECK(paint(false).labels(text) == text);
    CHECK(paint(true).labels(text) ==
          "\x1B[1mrule a\x1B[0m\n\x1B[2m    key        \x1B[0mproduct:{id}\n\n\x1B[1mf: 1 "
          "rule\x1B[0m\n");
}

config::finding at(unsigned line, unsigned column) {
    return {rules::severity::error, "f.yaml", {line, column}, "wrong", "do better"};
}

TEST_CASE("a finding shows its line, and marks its place") {
    paint const plain(false);
    CHECK(finding_text(at(2, 5), "a: 1\n  b: 2\r\nc: 3\n", plain) ==
          "f.yaml:2:5: error: wrong; do better\n"
          "     2 |   b: 2\n"
          "       |     ^\n");
    CHECK(finding_text(at(0, 0), "a: 1", plain) == "f.yaml: error: wrong; do better\n");
    CHECK(finding_text(at(9, 1), "a: 1\n", plain) == "f.yaml:9:1: error: wrong; do better\n");
    CHECK(finding_text(at(1, 1), "", plain) == "f.yaml:1:1: error: wrong; do better\n");
    // Columns are letters; tabs, control bytes and long lines cannot move the mark.
    CHECK(finding_text(at(1, 6), "\xC3\xA9\xC3\xA9: \x1B[2J", plain)
              .find(" | \xC3\xA9\xC3\xA9: ?[2J\n") != std::string::npos);
    CHECK(finding_text(at(1, 3), "\t\tx", plain).ends_with("     1 |   x\n       |   ^\n"));
    auto const cut = finding_text(at(1, 5), std::string(500, 'x'), plain);
    CHECK(cut.find(std::string(100, 'x') + "...\n") != std::string::npos);
    CHECK(finding_text(at(1, 400), std::string(500, 'x'), plain) ==
          "f.yaml:1:400: error: wrong; do better\n");
}

TEST_CASE("a line that may hold a secret is not shown") {
    paint const plain(false);
    for (auto const* const source : {"x: 1\nurl: redis://:hunter2@redis\n",
                                     "x: 1\nadmin: {tokn: a, token: hunter2}\n",
                                     "x: 1\npassword: hunter2\n",
                                     "token:\n  hunter2\n"}) {
        CAPTURE(source);
        CHECK(finding_text(at(2, 3), source, plain) == "f.yaml:2:3: error: wrong; do better\n");
    }
    auto typo = at(1, 1);
    typo.hint = "did you mean `token`?";
    CHECK(finding_text(typo, "tken: hunter2", plain).find("hunter2") == std::string::npos);
}

TEST_CASE("the last line counts") {
    paint const plain(false);
    config::finding warning{rules::severity::warning, "f", {}, "w", ""};
    CHECK(verdict({}, plain) == "no findings");
    CHECK(verdict({at(1, 1), at(2, 1), warning}, plain) == "2 errors, 1 warning");
    CHECK(verdict({warning}, paint(true)) == "\x1B[1;33m1 warning\x1B[0m");
}

}  // namespace
}  // namespace sidecache::command
