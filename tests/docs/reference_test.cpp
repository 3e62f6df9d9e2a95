// The references are tables between two comments, `<!-- begin NAME -->` and `<!-- end NAME -->`.
// Each must be what the code's own table gives, row by row: a failure prints the row to write.
#include "config/keys.hpp"
#include "proxy/telemetry/families.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/decision.hpp"
#include "rules/storable.hpp"
#include "tests/docs/markdown.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache;

namespace {

constexpr std::string_view configuration_page = "config/README.md";
constexpr std::string_view telemetry_page = "proxy/telemetry/README.md";
constexpr std::string_view troubleshooting_page = "proxy/troubleshooting.md";

/// The lines of the table of that name, without its two heading lines.
std::vector<std::string> table(std::string_view path, std::string const& name) {
    auto const& text = tests::page(path).text;
    auto const begin = text.find("<!-- begin " + name + " -->");
    auto const end = text.find("<!-- end " + name + " -->");
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    std::istringstream in(text.substr(begin, end - begin));
    std::vector<std::string> rows;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("|")) {
            rows.push_back(line);
        }
    }
    REQUIRE(rows.size() > 2);
    rows.erase(rows.begin(), rows.begin() + 2);
    return rows;
}

std::string code(std::string_view text) {
    return "`" + std::string(text) + "`";
}

void check_table(std::string_view path,
                 std::string const& name,
                 std::vector<std::string> const& expected) {
    auto const rows = table(path, name);
    for (std::size_t i = 0; i < expected.size() && i < rows.size(); ++i) {
        CHECK(rows[i] == expected[i]);
    }
    CHECK(rows.size() == expected.size());
}

}  // namespace

TEST_CASE("the configuration reference holds every key, its default and its meaning") {
    std::vector<std::string> expected;
    for (auto const& key : config::known_keys()) {
        if (key.type == "section") {
            continue;
        }
        auto const fallback = key.fallback.empty() ? std::string() : code(key.fallback);
        expected.push_back("| " + code(key.path) + " | " + fallback + " | " +
                           std::string(key.text) + " |");
    }
    check_table(configuration_page, "configuration", expected);
}

TEST_CASE("the metrics reference holds every family, its type, its labels and its help") {
    std::vector<std::string> expected;
    for (auto const& f : telemetry::families()) {
        std::string labels;
        for (auto const label : f.labels()) {
            labels += labels.empty() ? "" : ", ";
            labels += code(label);
        }
        expected.push_back("| " + code(f.name) + " | " + std::string(name(f.type)) + " | " +
                           labels + " | " + std::string(f.help) + " |");
    }
    check_table(telemetry_page, "metrics", expected);
}

TEST_CASE("the pages explain every detail that Cache-Status may hold") {
    std::set<std::string, std::less<>> details{"near",
                                               "store",
                                               "unstorable",
                                               "head",
                                               "range",
                                               "only_if_cached",
                                               "stale_if_error",
                                               "no_rule",
                                               "upgrade",
                                               "overloaded",
                                               "connect",
                                               "timeout",
                                               "broken",
                                               "malformed",
                                               "no_answer",
                                               "purge_pending"};
    for (unsigned i = 0; i < 64; ++i) {  // more than either enum holds: the rest has no new name
        details.emplace(rules::name(static_cast<rules::bypass_reason>(i)));
        details.emplace(rules::name(static_cast<rules::not_stored>(i)));
    }
    for (std::size_t i = 0; i < telemetry::rejections; ++i) {
        details.emplace(telemetry::name(static_cast<telemetry::rejection>(i)));
    }
    details.erase("none");
    details.erase("");
    auto const explains = [](std::vector<std::string> const& rows, std::string const& detail) {
        return std::ranges::any_of(
            rows, [&](auto const& row) { return row.starts_with("| `" + detail + "` |"); });
    };
    auto const rows = table(telemetry_page, "details");
    for (auto const& detail : details) {
        CAPTURE(detail);
        CHECK(explains(rows, detail));
    }
    CHECK(rows.size() == details.size());

    // ... and, where it is no hit, what it comes from and what to do.
    auto const remedies = table(troubleshooting_page, "remedies");
    details.erase("near");
    details.erase("store");
    for (auto const& detail : details) {
        CAPTURE(detail);
        CHECK(explains(remedies, detail));
    }
    CHECK(remedies.size() == details.size());
    for (auto const& row : remedies) {
        CAPTURE(row);
        CHECK(row.find("|  |") == std::string::npos);
        CHECK(std::ranges::count(row, '|') == 4);
    }
}
