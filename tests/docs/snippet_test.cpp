// Every ```yaml block of README is a file that loads, but for the rules of those that only show
// settings, which are given one here.
#include "config/load.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

using namespace sidecache;

TEST_CASE("what README shows as YAML loads without an error or a warning") {
    std::ifstream in(SIDECACHE_SOURCE "/README.md");
    std::ostringstream all;
    all << in.rdbuf();
    auto const text = all.str();
    std::string const fence = "```";
    std::size_t blocks = 0;
    for (auto at = text.find("```yaml\n"); at != std::string::npos;
         at = text.find("```yaml\n", at)) {
        auto const begin = text.find('\n', at) + 1;
        auto const end = text.find(fence, begin);
        REQUIRE(end != std::string::npos);
        auto yaml = text.substr(begin, end - begin);
        if (yaml.find("rules:") == std::string::npos) {
            yaml +=
                "rules: [{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: "
                "credential}]\n";
        }
        CAPTURE(yaml);
        auto const loaded =
            config::load_text(yaml, "README", [](std::string_view) { return std::nullopt; });
        for (auto const& f : loaded.findings) {
            CHECK(f.print() == "");
        }
        CHECK(loaded.config);
        ++blocks;
        at = end + fence.size();
    }
    CHECK(blocks > 0);
}
