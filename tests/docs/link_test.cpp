// Every link between the pages of this repository leads somewhere: the file is there, and so is the
// heading that an anchor names.
#include "tests/docs/markdown.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace sidecache::tests;

namespace fs = std::filesystem;

namespace {

/// The path that a link of `from` names, without its anchor; "" when it leads out of the
/// repository.
std::string path_of(markdown_page const& from, std::string const& target) {
    if (target.find("://") != std::string::npos || target.starts_with("mailto:")) {
        return "";
    }
    auto const file = target.substr(0, target.find('#'));
    return file.empty() ? from.path
                        : (fs::path(from.path).parent_path() / file).lexically_normal().string();
}

/// What is wrong with a link of `from`; "" when nothing is.
std::string fault(markdown_page const& from, std::string const& target) {
    auto const path = path_of(from, target);
    if (path.empty()) {
        return "";
    }
    if (!fs::exists(fs::path(SIDECACHE_SOURCE) / path)) {
        return "there is no " + path;
    }
    auto const hash = target.find('#');
    if (hash == std::string::npos) {
        return "";
    }
    auto const anchor = target.substr(hash + 1);
    auto const& there = hash == 0 ? from : page(path);
    return std::ranges::find(there.anchors, anchor) != there.anchors.end()
               ? ""
               : path + " has no heading #" + anchor;
}

}  // namespace

TEST_CASE("every link between pages leads to a file and a heading that exist") {
    std::size_t checked = 0;
    for (auto const& p : all_pages()) {
        for (auto const& link : p.links) {
            CAPTURE(p.path);
            CAPTURE(link.line);
            CAPTURE(link.target);
            CHECK(fault(p, link.target) == "");
            ++checked;
        }
    }
    CHECK(checked >= 10);
}

TEST_CASE("README leads to every page, over as many links as it takes") {
    std::set<std::string> reached{"README.md"};
    std::vector<std::string> next{"README.md"};
    while (!next.empty()) {
        auto const& p = page(next.back());
        next.pop_back();
        for (auto const& link : p.links) {
            auto const path = path_of(p, link.target);
            if (path.ends_with(".md") && reached.insert(path).second) {
                next.push_back(path);
            }
        }
    }
    for (auto const& p : all_pages()) {
        CAPTURE(p.path);
        CHECK(reached.contains(p.path));
    }
}

TEST_CASE("a link that leads nowhere is found") {
    auto const p =
        parse_markdown("config/README.md",
                       "# A `b`: c, d\n"
                       "## E\n"
                       "[1](#a-b-c-d) `[code](#x)` [2](#gone) [3](../README.md#limits)\n"
                       "[4](../README.md#gone) [5](nothing.md) [6](https://example.com)\n"
                       "```\n[block](#x)\n```\n"
                       "- item\n  ```yaml\n  a:\n    [block](#x)\n  ```\n"
                       "## E\n[7](#e-1) [8](keys.cpp)\n");
    REQUIRE(p.links.size() == 8);
    REQUIRE(p.blocks.size() == 2);
    CHECK(p.blocks[1].language == "yaml");
    CHECK(p.blocks[1].text == "a:\n  [block](#x)\n");
    CHECK(fault(p, p.links[0].target) == "");
    CHECK(fault(p, p.links[1].target) == "config/README.md has no heading #gone");
    CHECK(fault(p, p.links[2].target) == "");
    CHECK(fault(p, p.links[3].target) == "README.md has no heading #gone");
    CHECK(fault(p, p.links[4].target) == "there is no config/nothing.md");
    CHECK(fault(p, p.links[5].target) == "");
    CHECK(fault(p, p.links[6].target) == "");
    CHECK(fault(p, p.links[7].target) == "");
}
