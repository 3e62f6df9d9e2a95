#include "proxy/telemetry/process_usage.hpp"

#include "tests/support/file_descriptor.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <chrono>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::telemetry;

TEST_CASE("a process's line in /proc is read whatever the program is called") {
    std::string const rest =
        " S 1 7 7 0 -1 4194560 100 0 0 0 11 22 0 0 20 0 4 0 333 4096000 55 18446744073709551615 1";
    for (std::string const name : {"(sidecache)", "(a b)", "(a) R 9 (b)"}) {
        CAPTURE(name);
        auto const stat = parse_process_stat("7 " + name + rest);
        REQUIRE(stat);
        CHECK(stat->user_ticks == 11);
        CHECK(stat->system_ticks == 22);
        CHECK(stat->start_ticks == 333);
        CHECK(stat->virtual_bytes == 4'096'000);
        CHECK(stat->resident_pages == 55);
    }
    CHECK_FALSE(parse_process_stat(""));
    CHECK_FALSE(parse_process_stat("7 (sidecache) S 1 7"));
}

TEST_CASE("a control group without a limit says so in two ways") {
    CHECK(parse_memory_limit("268435456\n") == 268'435'456U);
    CHECK_FALSE(parse_memory_limit("max\n"));
    CHECK_FALSE(parse_memory_limit("9223372036854771712\n"));
    CHECK_FALSE(parse_memory_limit(""));
}

TEST_CASE("what the system says of this process is plausible, and moves with it") {
    auto const before = read_process_usage();
    CHECK(before.resident_bytes > 1'000'000);
    CHECK(before.virtual_bytes >= before.resident_bytes);
    CHECK(before.resident_bytes < before.memory_limit_bytes);
    CHECK(before.open_files >= 3);
    CHECK(before.open_files < before.max_files);
    auto const now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(before.start_time_seconds > now - 3'600);
    CHECK(before.start_time_seconds < now + 2);

    std::vector<tests::file_descriptor> held;
    for (int i = 0; i < 5; ++i) {
        held.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    auto const after = read_process_usage();
    CHECK(after.open_files == before.open_files + 5);
    CHECK(after.cpu_seconds >= before.cpu_seconds);
}
