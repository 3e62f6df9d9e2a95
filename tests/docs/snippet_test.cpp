// Every ```yaml block of every page that is a configuration loads, those that only show settings
// with a rule that they are given here. What is none (a manifest, a patch, Prometheus rules) begins
// with a key that says so; anything else is a mistake.
#include "config/keys.hpp"
#include "config/load.hpp"
#include "tests/docs/markdown.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>

using namespace sidecache;
using namespace sidecache::tests;

namespace {

/// The first key in column 0.
std::string first_key(std::string const& yaml) {
    std::istringstream in(yaml);
    for (std::string line; std::getline(in, line);) {
        auto const colon = line.find(':');
        if (!line.empty() && line[0] != ' ' && line[0] != '#' && line[0] != '-' &&
            colon != std::string::npos) {
            return line.substr(0, colon);
        }
    }
    return "";
}

bool is_configuration(std::string_view key) {
    return std::ranges::any_of(config::known_keys(), [&](auto const& known) {
        return known.path.substr(0, known.path.find_first_of(".[{")) == key;
    });
}

constexpr std::array<std::string_view, 9> other_keys{"apiVersion",
                                                     "kind",
                                                     "metadata",
                                                     "spec",
                                                     "resources",
                                                     "patches",
                                                     "groups",
                                                     "scrape_configs",
                                                     "rule_files"};

}  // namespace

TEST_CASE("what the pages show as configuration loads without an error or a warning") {
    std::size_t loaded_blocks = 0;
    for (auto const& p : all_pages()) {
        for (auto const& block : p.blocks) {
            if (block.language != "yaml") {
                continue;
            }
            CAPTURE(p.path);
            CAPTURE(block.line);
            auto yaml = block.text;
            CAPTURE(yaml);
            auto const key = first_key(yaml);
            if (!is_configuration(key)) {
                CHECK(std::ranges::find(other_keys, key) != other_keys.end());
                continue;
            }
            if (yaml.find("rules:") == std::string::npos) {
                yaml +=
                    "rules: [{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: "
                    "credential}]\n";
            }
            auto const loaded =
                config::load_text(yaml, p.path, [](std::string_view) { return std::nullopt; });
            for (auto const& f : loaded.findings) {
                CHECK(f.print() == "");
            }
            CHECK(loaded.config);
            ++loaded_blocks;
        }
    }
    CHECK(loaded_blocks >= 2);
}
