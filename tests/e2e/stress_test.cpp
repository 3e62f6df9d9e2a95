// Readers and writers at once through two replicas: whoever has his answer to a write has told
// everybody (P1), and nobody sees time run backwards (P2).
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace sidecache::tests;

namespace {

constexpr int products = 4;  // numbered 0 to 3 here
constexpr int readers = 6;
constexpr int writes = 150;  // by each of two writers

/// What everybody knows by now, a product: the newest version that any write's answer told, and the
/// newest that any read has shown.
struct knowledge {
    std::array<std::atomic<std::int64_t>, products> answered{}, seen{};
    bool monotonic = true;
};

/// Each third product is organization 1's.
std::string path_of(std::size_t number) {
    return "/products/" + std::to_string(3 * number + 1);
}

void raise(std::atomic<std::int64_t>& to, std::int64_t version) {
    auto now = to.load();
    while (now < version && !to.compare_exchange_weak(now, version)) {
    }
}

/// doctest's checks are not for many threads at once: what is wrong is collected.
struct complaints {
    std::mutex mutex;
    std::vector<std::string> list;
    void add(std::string text) {
        std::lock_guard const lock(mutex);
        list.push_back(std::move(text));
    }
};

void write_all(stack& s, int writer, knowledge& k, complaints& wrong) {
    std::mt19937 chance(static_cast<unsigned>(writer));
    std::vector<http_client> to;
    for (std::size_t i = 0; i < s.size(); ++i) {
        to.emplace_back(s[i].port());
    }
    for (int n = 0; n < writes; ++n) {
        auto const id = static_cast<std::size_t>(chance() % products);
        auto const r =
            to[chance() % to.size()].request("PATCH", path_of(id), org1, R"({"priceCents": 1})");
        if (r.status != 200) {
            wrong.add("a write got " + std::to_string(r.status));
            continue;
        }
        raise(k.answered[id], version_of(r));
    }
}

void read_until(
    stack& s, int reader, std::atomic<bool> const& over, knowledge& k, complaints& wrong) {
    std::mt19937 chance(static_cast<unsigned>(100 + reader));
    std::vector<http_client> to;
    for (std::size_t i = 0; i < s.size(); ++i) {
        to.emplace_back(s[i].port());
    }
    while (!over) {
        auto const id = static_cast<std::size_t>(chance() % products);
        auto const replica = chance() % to.size();
        auto const answered = k.answered[id].load(), seen = k.seen[id].load();
        bool const details = chance() % 2 == 0;
        auto const r = to[replica].get(path_of(id) + (details ? "" : "/summary"));
        if (r.status != 200) {
            wrong.add("a read got " + std::to_string(r.status));
            continue;
        }
        auto const version = version_of(r);
        auto const where = " of product " + std::to_string(id) + " at replica " +
                           std::to_string(replica) + " (" + r["Cache-Status"] + ")";
        if (version < answered) {
            wrong.add("P1: version " + std::to_string(version) + " after the answer to " +
                      std::to_string(answered) + where);
        }
        if (k.monotonic && version < seen) {
            wrong.add("P2: version " + std::to_string(version) + " after " + std::to_string(seen) +
                      " was shown" + where);
        }
        raise(k.seen[id], version);
    }
}

/// Property P2 needs a store that can be reached (protocol.md section 5): where it is cut off, a
/// change may be seen before it could be marked.
enum class promise { p1, p1_and_p2 };

void run_all(stack& s, promise what) {
    knowledge k;
    k.monotonic = what == promise::p1_and_p2;
    complaints wrong;
    std::atomic<bool> over{false};
    {
        std::vector<std::jthread> reading, writing;
        for (int i = 0; i < readers; ++i) {
            reading.emplace_back([&, i] {
                try {
                    read_until(s, i, over, k, wrong);
                } catch (std::exception const& e) {
                    wrong.add(std::string("a reader: ") + e.what());
                }
            });
        }
        for (int i = 0; i < 2; ++i) {
            writing.emplace_back([&, i] {
                try {
                    write_all(s, i, k, wrong);
                } catch (std::exception const& e) {
                    wrong.add(std::string("a writer: ") + e.what());
                }
            });
        }
        writing.clear();
        over = true;
    }
    for (auto const& text : wrong.list) {
        FAIL_CHECK(text);
    }
}

void hits_resume(stack& s) {
    for (std::size_t id = 0; id < products; ++id) {
        INFO(path_of(id) << ": " << s[0].get(path_of(id))["Cache-Status"]);
        CHECK(becomes_hit(s, 0, path_of(id)));
    }
    CHECK(s[0].metric("sidecache_hits_total") + s[1].metric("sidecache_hits_total") > 0);
}

stack_options all_in_one_organization() {
    auto o = patient();
    o.products = 30;
    return o;
}

}  // namespace

TEST_CASE("readers and writers through two replicas: never stale, never backwards") {
    stack s(all_in_one_organization());
    SUBCASE("an untroubled backend") {}
    SUBCASE("a backend that dawdles before and after its commits") {
        s.backend().fault(R"({"method": "PATCH", "when": "before", "delayMs": 3, "rate": 0.5})");
        s.backend().fault(R"({"method": "PATCH", "when": "after", "delayMs": 3, "rate": 0.5})");
        s.backend().fault(R"({"method": "GET", "when": "after", "delayMs": 4, "rate": 0.5})");
    }
    run_all(s, promise::p1_and_p2);
    hits_resume(s);
}

TEST_CASE(
    "readers and writers while connections to Redis break: never stale at who wrote, no error") {
    auto o = with_short_markers();
    o.upstream = "timeout: 5s, connect_timeout: 1s";  // a busy machine is not the subject
    o.store =
        "timeout: 300ms, retry: {attempts: 1}, margin: 2s, on_down_hold: 20s, "
        "breaker: {failures: 3, open_for: 100ms}";
    o.store_relays = true;
    o.products = 30;
    stack s(o);
    std::jthread vandal([&](std::stop_token const& over) {
        http_client pace(s.backend().port());
        for (std::size_t n = 0; !over.stop_requested(); ++n) {
            for (int i = 0; i < 30; ++i) {
                pace.get("/health");
            }
            s.store_relay(n % 2).cut();
        }
    });
    run_all(s, promise::p1);
    vandal.request_stop();
    vandal.join();
    hits_resume(s);
}
