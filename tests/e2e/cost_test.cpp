// A change costs the same whatever else Redis holds (design.md section 4), counted in commands, not
// in time.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <map>
#include <sstream>

using namespace sidecache::tests;

namespace {

/// Calls by command since CONFIG RESETSTAT, without what tests and heartbeats send.
std::map<std::string, long long> commands(redis_server& redis) {
    std::map<std::string, long long> out;
    std::istringstream lines(redis.cli({"INFO", "commandstats"}));
    for (std::string line; std::getline(lines, line);) {
        constexpr std::string_view prefix = "cmdstat_";
        auto const colon = line.find(":calls=");
        if (!line.starts_with(prefix) || colon == std::string::npos) {
            continue;
        }
        auto const name = line.substr(prefix.size(), colon - prefix.size());
        for (auto const* const other : {"info",
                                        "config",
                                        "ping",
                                        "role",
                                        "time",
                                        "hset",
                                        "hget",
                                        "hgetall",
                                        "pexpire",
                                        "debug",
                                        "dbsize",
                                        "exists"}) {
            if (name.starts_with(other)) {
                goto next;
            }
        }
        out[name] = std::stoll(line.substr(colon + 7));
    next:;
    }
    return out;
}

/// A round of everything: misses, hits, an update, a bulk delete of what is not there.
std::map<std::string, long long> one_round(stack& s) {
    s.redis().command({"CONFIG", "RESETSTAT"});
    for (int id = 1; id <= 5; ++id) {
        REQUIRE(s[0].get("/products/" + std::to_string(id)).status == 200);
        REQUIRE(becomes_hit(s, 0, "/products/" + std::to_string(id)));
    }
    REQUIRE(patch(s[0], 1).status == 200);
    REQUIRE(
        s[0].request("POST", "/products/bulk-delete", org1, R"({"ids": [90001, 90002]})").status ==
        200);
    return commands(s.redis());
}

}  // namespace

TEST_CASE("a mutation costs the same with 0 and with 1,000,000 unrelated keys; no KEYS, no SCAN") {
    stack s(patient());
    one_round(s);  // scripts are loaded, connections open
    auto const alone = one_round(s);
    for (int part = 0; part < 100; ++part) {  // in parts: each of them keeps Redis busy
        s.redis().command(
            {"DEBUG", "POPULATE", "10000", "unrelated-" + std::to_string(part), "16"});
    }
    one_round(s);
    CHECK(s.redis().command({"DBSIZE"}).number() >= 1'000'000);
    auto const among_many = one_round(s);
    for (auto const& [name, calls] : alone) {
        INFO(name << ": " << calls << " alone");
        auto const found = among_many.find(name);
        REQUIRE(found != among_many.end());
        // A hit may need one more look while a store is on its way: hence not exactly equal.
        CHECK(found->second <= calls + 10);
    }
    for (auto const& [name, calls] : among_many) {
        INFO(name << ": " << calls);
        CHECK(alone.contains(name));
        CHECK(name.find("keys") == std::string::npos);
        CHECK(name.find("scan") == std::string::npos);
    }
}
