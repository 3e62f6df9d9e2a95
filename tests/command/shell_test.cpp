#include "proxy/command/command_table.hpp"
#include "proxy/command/completion.hpp"
#include "proxy/command/grammar.hpp"
#include "proxy/command/man_page.hpp"
#include "proxy/command/suggest.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

/// Completion and the manual page: made from what parses the command line, and understood by those
/// that they are for.
namespace sidecache::command {
namespace {

using tests::exit_status;
using tests::finished;
using tests::temp_dir;

grammar whole() {
    typed in;
    return grammar_of(*command_table(in));
}

finished run(std::vector<std::string> argv) {
    tests::process_options options;
    options.argv = std::move(argv);
    return tests::run(std::move(options));
}

bool is_installed(std::string const& program) {
    auto const found = run({"sh", "-c", "command -v " + program}).status == exit_status{0, 0};
    if (!found) {
        MESSAGE(program << " is not installed: what it would check is not checked");
    }
    return found;
}

TEST_CASE("every command has a text and an example, every option a text") {
    auto const all = whole();
    CHECK(all.commands.size() >= 9);
    for (auto const& c : all.commands) {
        CAPTURE(c.name);
        CHECK(c.text != "");
        CHECK_FALSE(c.examples.empty());
        for (auto const& o : c.options) {
            CAPTURE(o.names.front());
            CHECK(o.text != "");
        }
        for (auto const& a : c.arguments) {
            CHECK(a.text != "");
        }
    }
}

TEST_CASE("examples of the help are command lines that exist") {
    auto const all = whole();
    for (auto const& c : all.commands) {
        for (auto const& line : c.examples) {
            CAPTURE(line);
            auto const at = line.find("sidecache ");
            REQUIRE(at != std::string::npos);
            auto const rest = line.substr(at + 10);
            CHECK(rest.substr(0, rest.find_first_of(" )")) == c.name);
        }
    }
}

TEST_CASE("completion and the manual page name every command and option") {
    auto const all = whole();
    std::vector<std::string> texts{man_page(all)};
    for (auto const* const shell : {"bash", "zsh", "fish"}) {
        texts.push_back(completion(all, shell).value_or(""));
    }
    for (auto const& c : all.commands) {
        for (auto const& text : texts) {
            CHECK(text.find(c.name) != std::string::npos);
        }
        for (auto const& o : c.options) {
            auto const name = o.names.back().substr(2);
            std::string escaped;
            for (char const letter : name) {
                escaped += letter == '-' ? std::string("\\-") : std::string(1, letter);
            }
            CAPTURE(name);
            CHECK(texts[0].find("\\-\\-" + escaped) != std::string::npos);
            CHECK(texts[1].find("--" + name) != std::string::npos);
            CHECK(texts[2].find("--" + name) != std::string::npos);
            CHECK(texts[3].find("-l " + name) != std::string::npos);
        }
    }
    CHECK_FALSE(completion(all, "tcsh"));
}

TEST_CASE("bash completes commands, options, their values, and files") {
    temp_dir const folder;
    auto const script = folder.write("sidecache.bash", *completion(whole(), "bash"));
    folder.write("one.yaml", "");
    auto const complete = [&](std::string const& words, int current) {
        return run({"bash",
                    "-c",
                    "cd '" + folder.path().string() + "'; source '" + script + "'; COMP_WORDS=(" +
                        words + "); COMP_CWORD=" + std::to_string(current) +
                        "; _sidecache; printf '%s ' \"${COMPREPLY[@]}\""});
    };
    CHECK(complete("sidecache ch", 1).out == "check ");
    CHECK(complete("sidecache check --js", 2).out == "--json ");
    CHECK(complete("sidecache check o", 2).out == "one.yaml ");
    CHECK(complete("sidecache check --color a", 3).out == "auto always ");
    CHECK(complete("sidecache explain one.yaml DE", 3).out == "DELETE ");
    CHECK(complete("sidecache completion z", 2).out == "zsh ");
    CHECK(complete("sidecache init -o o", 3).out == "one.yaml ");
    CHECK(complete("sidecache purge --admin h", 3).out == " ");
    CHECK(complete("sidecache --ver", 1).out == "--version ");
    CHECK(complete("sidecache ch", 1).err == "");
}

TEST_CASE("zsh and fish read their scripts") {
    temp_dir const folder;
    auto const zsh = folder.write("_sidecache", *completion(whole(), "zsh"));
    if (is_installed("zsh")) {
        auto const read = run({"zsh", "-n", zsh});
        CHECK(read.err == "");
        CHECK(read.status == exit_status{0, 0});
    }
    auto const fish = folder.write("sidecache.fish", *completion(whole(), "fish"));
    if (is_installed("fish")) {
        auto const asked = [&](std::string const& line) {
            return run({"env",
                        "HOME=" + folder.path().string(),
                        "fish",
                        "--private",
                        "-c",
                        "source " + fish + "; complete -C '" + line + "'"});
        };
        CHECK(asked("sidecache che").out.starts_with("check\t"));
        CHECK(asked("sidecache check --js").out.starts_with("--json\t"));
        CHECK(asked("sidecache check --color al").out.starts_with("always\t"));
        CHECK(asked("sidecache completion zs").out.starts_with("zsh\t"));
        CHECK(asked("sidecache che").err == "");
    }
}

TEST_CASE("groff has nothing to warn of in the manual page") {
    temp_dir const folder;
    auto const page = folder.write("sidecache.1", man_page(whole()));
    if (!is_installed("groff")) {
        return;
    }
    auto const set = run({"groff", "-ww", "-man", "-Tascii", page});
    CHECK(set.err == "");
    CHECK(set.status == exit_status{0, 0});
    for (auto const* const word : {"SYNOPSIS", "EXIT STATUS", "SIDECACHE_ADMIN_TOKEN"}) {
        CHECK(man_page(whole()).find(word) != std::string::npos);
    }
}

TEST_CASE("what is not quite a command or an option is told from what was meant") {
    auto const all = whole();
    CHECK(unknown_command(all, {"chekc", "f"}) ==
          "there is no command `chekc`, and no file of that name; did you mean `check`?");
    CHECK(unknown_command(all, {"frobnicate"}).ends_with("sidecache --help shows what there is"));
    CHECK(unknown_command(all, {"check"}) == "");
    CHECK(unknown_command(all, {"none/such.yaml"}) == "");
    CHECK(unknown_command(all, {"/"}) == "");
    CHECK(unknown_command(all, {"--version"}) == "");
    CHECK(unknown_command(all, {}) == "");
    CHECK(unknown_option(all, {"check", "--jsn"}) ==
          "there is no option `--jsn`; did you mean `--json`?");
    CHECK(unknown_option(all, {"stats", "--admn=x"}).ends_with("did you mean `--admin`?"));
    CHECK(unknown_option(all, {"stats", "--frobnicate"})
              .ends_with("sidecache stats --help shows what there is"));
    CHECK(unknown_option(all, {"stats", "--json"}) == "");
}

}  // namespace
}  // namespace sidecache::command
