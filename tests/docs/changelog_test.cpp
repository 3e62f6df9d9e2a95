// CHANGELOG.md keeps its shape: versions from the newest on, each with sections of the names that
// Keep a Changelog knows, each entry a sentence.
#include "proxy/version.hpp"
#include "tests/docs/markdown.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache;
using namespace sidecache::tests;

namespace {

constexpr std::array<std::string_view, 7> sections{
    "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Not yet"};

/// 1.2.3 as {1, 2, 3}; "Unreleased" is newer than all. Empty: neither.
std::vector<int> version_of(std::string_view heading) {
    if (heading == "Unreleased") {
        return {1'000'000};
    }
    std::vector<int> out;
    std::istringstream in{std::string(heading.substr(0, heading.find(' ')))};
    for (std::string part; std::getline(in, part, '.');) {
        if (part.empty() || part.find_first_not_of("0123456789") != std::string::npos) {
            return {};
        }
        out.push_back(std::stoi(part));
    }
    return out.size() == 3 ? out : std::vector<int>{};
}

/// What is wrong with it; "" when nothing is.
std::string fault(std::string const& text) {
    std::istringstream in(text);
    std::vector<int> last;
    std::string entry;
    auto const ends_well = [&] { return entry.empty() || entry.ends_with('.'); };
    for (std::string line; std::getline(in, line);) {
        bool const goes_on = line.starts_with("  ");
        if (!goes_on && !ends_well()) {
            return "no sentence: " + entry;
        }
        entry = line.starts_with("- ") || (goes_on && !entry.empty()) ? line : "";
        if (line.starts_with("## ")) {
            auto const version = version_of(line.substr(3));
            if (version.empty()) {
                return "no version: " + line;
            }
            if (!last.empty() && !(version < last)) {
                return "not older than what is above: " + line;
            }
            last = version;
        } else if (line.starts_with("### ") &&
                   std::ranges::find(sections, line.substr(4)) == sections.end()) {
            return "no such section: " + line;
        }
    }
    return ends_well() ? "" : "no sentence: " + entry;
}

}  // namespace

TEST_CASE("the changelog keeps its shape, and names the version that is built") {
    auto const& text = page("CHANGELOG.md").text;
    CHECK(fault(text) == "");
    CHECK(text.find("\n## " + std::string(version)) != std::string::npos);
}

TEST_CASE("a changelog that loses its shape is found") {
    CHECK(fault("## 0.2.0\n### Added\n- A.\n## 0.1.0\n### Fixed\n- B,\n  c.\n") == "");
    CHECK(fault("## Unreleased\n### Changed\n- A.\n## 0.1.0\n") == "");
    CHECK(fault("## 0.1.0\n## 0.2.0\n") == "not older than what is above: ## 0.2.0");
    CHECK(fault("## soon\n") == "no version: ## soon");
    CHECK(fault("## 0.1.0\n### Improved\n") == "no such section: ### Improved");
    CHECK(fault("## 0.1.0\n### Added\n- A\n- B.\n") == "no sentence: - A");
}
