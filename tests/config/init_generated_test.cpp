#include "config/init/init.hpp"
#include "rules/key_template.hpp"
#include "rules/pattern.hpp"
#include "rules/unify.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <variant>
#include <vector>

/// `sidecache init` over APIs that nobody would design: what must hold whatever they are.
namespace sidecache::tests {
namespace {

class inventor {
public:
    explicit inventor(unsigned seed) : random_(seed) {}

    /// Names that meet: plurals and their singulars, verbs, words with a meaning of their own.
    std::string path() {
        constexpr std::array<char const*, 16> words{"products",
                                                    "product",
                                                    "images",
                                                    "status",
                                                    "path",
                                                    "rule",
                                                    "lock",
                                                    "api",
                                                    "v1",
                                                    "me",
                                                    "search",
                                                    "publish",
                                                    "list",
                                                    "bulk",
                                                    "{id}",
                                                    "{id}.json"};
        std::string out;
        auto const count = below(5);
        int variables = 0;
        for (std::size_t i = 0; i <= count; ++i) {
            std::string word = words[below(words.size())];
            if (auto const at = word.find("{id}"); at != std::string::npos) {
                word.replace(at, 4, "{v" + std::to_string(++variables) + "}");
            }
            out += "/" + word;
        }
        return out;
    }

    std::string api() {
        constexpr std::array<char const*, 5> methods{"get", "post", "put", "delete", "patch"};
        constexpr std::array<char const*, 5> names{"page", "id", "q", "lock", "status"};
        std::string out = "openapi: 3.0.0\npaths:\n";
        std::vector<std::string> seen;
        for (std::size_t i = 0; i < 12; ++i) {
            auto const p = path();
            if (std::ranges::find(seen, p) != seen.end()) {
                continue;
            }
            seen.push_back(p);
            out += "  '" + p + "':\n";
            for (auto const* const method : methods) {
                if (below(3) == 0) {
                    continue;
                }
                out += "    " + std::string(method) + ": {";
                if (below(2) == 0) {
                    out += "parameters: [{name: " + std::string(names[below(names.size())]) +
                           ", in: query}], ";
                }
                out += below(3) == 0 ? "operationId: same}\n" : "}\n";
            }
        }
        return out;
    }

private:
    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    std::mt19937 random_;
};

std::string path_of(std::string const& route) {
    return route.substr(route.find(' ') + 1);
}

TEST_CASE("what is made of any routes loads, and a write reaches what is read at its own path") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        auto const api = inventor(seed).api();
        CAPTURE(api);
        config::report found("api.yaml");
        auto const result = config::init::make(api, {}, {.source = "api.yaml"}, found);
        auto const findings = found.take();
        CAPTURE((findings.empty() ? "" : findings.front().print()));
        REQUIRE(result);
        CAPTURE(result->yaml);
        auto const loaded = load(result->yaml);
        REQUIRE(loaded.config);
        if (result->rules != 0) {
            CHECK(findings_of(loaded) == "");
        }
        for (auto const& purge : loaded.config->rules->purges()) {
            for (auto const& on : purge.definition.on) {
                for (auto const& rule : loaded.config->rules->rules()) {
                    if (path_of(rule.definition.match.value) != path_of(on.value)) {
                        continue;
                    }
                    auto const key = rules::key_template::parse(rule.definition.key.value);
                    bool reaches = false;
                    for (auto const& text : purge.definition.patterns) {
                        auto const p = rules::pattern::parse(text.value);
                        reaches = reaches || rules::unify(std::get<rules::pattern>(p),
                                                          std::get<rules::key_template>(key))
                                                     .what != rules::reach::none;
                    }
                    CAPTURE(rule.definition.match.value);
                    CHECK(reaches);
                }
            }
        }
    }
}

}  // namespace
}  // namespace sidecache::tests
