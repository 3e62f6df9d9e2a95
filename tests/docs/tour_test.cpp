// What the pages show as a console, command by command, against a Redis, a demo backend and a proxy
// of its own for each page. Commands are those lines of ```console blocks that begin with "$ ";
// what follows is their whole output, in which "…" stands for any text within its line. Ports are
// this test's own.
#include "tests/docs/markdown.hpp"
#include "tests/support/process.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/stack.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sidecache::tests;

namespace {

struct step {
    std::string command;
    std::vector<std::string> output;
};

std::vector<step> steps_of(markdown_page const& p) {
    std::vector<step> steps;
    for (auto const& block : p.blocks) {
        if (block.language != "console") {
            continue;
        }
        std::istringstream in(block.text);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("$ ")) {
                steps.push_back({line.substr(2), {}});
            } else {
                REQUIRE_FALSE(steps.empty());
                steps.back().output.push_back(line);
            }
        }
    }
    return steps;
}

std::string replaced(std::string text, std::string_view from, std::string const& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        lines.push_back(line);
    }
    return lines;
}

/// Whether `line` is `pattern`, in which "…" stands for any text.
bool matches(std::string_view pattern, std::string_view line) {
    constexpr std::string_view any = "…";
    auto gap = pattern.find(any);
    if (gap == std::string_view::npos) {
        return line == pattern;
    }
    if (!line.starts_with(pattern.substr(0, gap))) {
        return false;
    }
    line.remove_prefix(gap);
    pattern.remove_prefix(gap + any.size());
    for (gap = pattern.find(any); gap != std::string_view::npos; gap = pattern.find(any)) {
        auto const at = line.find(pattern.substr(0, gap));
        if (at == std::string_view::npos) {
            return false;
        }
        line.remove_prefix(at + gap);
        pattern.remove_prefix(gap + any.size());
    }
    return line.ends_with(pattern);
}

}  // namespace

TEST_CASE("a pattern of the tour matches what it says") {
    CHECK(matches("a", "a"));
    CHECK_FALSE(matches("a", "ab"));
    CHECK(matches("a…", "ab"));
    CHECK(matches("…b", "ab"));
    CHECK(matches("a…c…e", "abcde"));
    CHECK_FALSE(matches("a…c…e", "abde"));
    CHECK_FALSE(matches("a…a", "a"));
}

namespace {

/// Runs a page's commands in their order and compares what they print.
void follow(std::string const& path, std::size_t at_least) {
    auto const steps = steps_of(page(path));
    REQUIRE(steps.size() >= at_least);
    // A busy machine is not the subject here.
    stack demo({.replicas = 1,
                .store = "timeout: 1s, margin: 10s",
                .settings = "events: {stream: product-events}\n",
                .is_verified = true});
    auto const here = [&](std::string command) {
        command = replaced(
            std::move(command), "localhost:8080", "127.0.0.1:" + std::to_string(demo[0].port()));
        command = replaced(std::move(command),
                           "localhost:9090",
                           "127.0.0.1:" + std::to_string(demo[0].admin_port()));
        command = replaced(std::move(command),
                           "localhost:3000",
                           "127.0.0.1:" + std::to_string(demo.backend().port()));
        // --no-raw: what a person sees on a terminal.
        return replaced(std::move(command),
                        "redis-cli",
                        "redis-cli --no-raw -p " + std::to_string(demo.redis().port()));
    };
    auto const programs = std::filesystem::path(sidecache_program()).parent_path().string();
    auto const* const others = std::getenv("PATH");  // NOLINT: one thread
    for (auto const& s : steps) {
        CAPTURE(path);
        CAPTURE(s.command);
        auto const ran =
            run({.argv = {"bash", "-c", here(s.command)},
                 .environment = {{"PATH", programs + ":" + (others == nullptr ? "" : others)}},
                 .directory = SIDECACHE_SOURCE});
        CAPTURE(ran.out);
        CAPTURE(ran.err);
        auto const lines = lines_of(ran.out);
        CHECK(lines.size() == s.output.size());
        for (std::size_t i = 0; i < lines.size() && i < s.output.size(); ++i) {
            CAPTURE(s.output[i]);
            CAPTURE(lines[i]);
            // Which worker a connection comes to is the kernel's choice: each remembers for itself.
            CHECK(matches(replaced(s.output[i], "detail=near", "detail=store"),
                          replaced(lines[i], "detail=near", "detail=store")));
        }
    }
}

}  // namespace

TEST_CASE("README's tour shows what really happens") {
    follow("README.md", 10);
}

TEST_CASE("the troubleshooting page shows what really happens") {
    follow("proxy/troubleshooting.md", 15);
}

TEST_CASE("the page on upgrading shows what really happens") {
    follow("proxy/upgrading.md", 4);
}
