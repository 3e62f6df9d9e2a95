#include "proxy/telemetry/log.hpp"

#include "config/model.hpp"
#include "proxy/telemetry/access_log.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using namespace sidecache;

namespace {

boost::json::object parse(std::string const& line) {
    return boost::json::parse(line).as_object();
}

/// Lines as they come; to be read once the writer is gone.
struct collected {
    std::vector<std::string> lines;
    telemetry::line_sink sink() {
        return [this](std::string_view line) { lines.emplace_back(line); };
    }
};

/// Sends the operational log somewhere for the length of a test.
struct redirected {
    explicit redirected(telemetry::line_sink to) { log::set_sink(std::move(to)); }
    ~redirected() {
        log::set_sink({});
        log::set_level(log::level::info);
    }
};

}  // namespace

TEST_CASE("a request is one JSON line with every field of its record") {
    collected out;
    auto log = telemetry::make_access_log({}, out.sink());
    log->write({.method = "GET",
                .path = "/products/4\x01"
                        "2",
                .peer = "127.0.0.1",
                .request_id = "r-1",
                .rule = "product-details",
                .result = "miss",
                .reason = "no_store",
                .key_hash = 0xfedcba9876543210,
                .status = 200,
                .bytes = 1500,
                .duration = 2'500us,
                .upstream = 2ms});
    log.reset();  // writes what is queued

    REQUIRE(out.lines.size() == 1);
    auto line = parse(out.lines[0]);
    CHECK(line["time"].as_string().ends_with("Z"));
    line.erase("time");
    CHECK(line == parse(R"({"level":"info","msg":"request","method":"GET",
        "path":"/products/4\u00012","peer":"127.0.0.1","request_id":"r-1",
        "rule":"product-details","result":"miss","reason":"no_store",
        "key_hash":"fedcba9876543210","status":200,"bytes":1500,
        "duration":0.0025,"upstream":0.002})"));
}

TEST_CASE("hits are logged only when asked for, and nothing when the log is off") {
    struct row {
        bool enabled;
        bool hits;
        char const* level;
        bool wants_hit;
        bool wants_miss;
    };
    row const rows[] = {
        {true, false, "info", false, true},
        {true, true, "info", true, true},
        {true, true, "debug", true, true},
        {false, true, "info", false, false},
        {true, true, "warn", false, false},  // lines of level info are below what is written
    };
    for (auto const& r : rows) {
        config::log how;
        how.level = r.level;
        how.access = {.enabled = r.enabled, .hits = r.hits};
        auto const log = telemetry::make_access_log(how, [](std::string_view) {});
        CHECK(log->wants(true) == r.wants_hit);
        CHECK(log->wants(false) == r.wants_miss);
    }
}

TEST_CASE("a reader of the log that stands still costs old lines, not time") {
    std::promise<void> release;
    auto const released = release.get_future().share();
    std::vector<std::string> lines;
    auto writer = telemetry::make_line_writer(4, [&, released](std::string_view line) {
        released.wait();
        lines.emplace_back(line);
    });
    for (int i = 0; i < 1'000; ++i) {
        writer->write(std::to_string(i));  // returns, although nobody takes a line
    }
    CHECK(writer->dropped() >= 990);
    release.set_value();
    writer.reset();
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.back() == "999");  // the newest are kept
    CHECK(lines.size() <= 10);
}

TEST_CASE("operational lines are JSON with a message, a level and typed fields") {
    collected out;
    redirected const to(out.sink());
    log::warn(
        "store lost",
        {{"store", "redis://127.0.0.1:6379/0"}, {"attempts", 3U}, {"delta", -2}, {"up", false}});
    log::flush();

    REQUIRE(out.lines.size() == 1);
    auto line = parse(out.lines[0]);
    line.erase("time");
    CHECK(line == parse(R"({"level":"warning","msg":"store lost",
        "store":"redis://127.0.0.1:6379/0","attempts":3,"delta":-2,"up":false})"));
}

TEST_CASE("lines below the level are not written") {
    collected out;
    redirected const to(out.sink());
    log::set_level(log::parse_level("warn"));
    log::debug("a");
    log::info("b");
    log::warn("c");
    log::error("d");
    log::set_level(log::parse_level("off"));
    log::error("e");
    log::flush();

    REQUIRE(out.lines.size() == 2);
    CHECK(parse(out.lines[0])["msg"] == "c");
    CHECK(parse(out.lines[1])["msg"] == "d");
}
