// Phases of concurrent reads between random writes: as long as nobody writes, whatever a client is
// given through either proxy must be what the backend itself would give him, whoever he is,
// whatever he claims, however he spells it.
//
// SIDECACHE_REQUESTS=100000 makes it long, SIDECACHE_SEED=N repeats a run: the requests of a seed
// are always the same. A difference prints both answers and the seed.
#include "tests/differential/request_mix.hpp"
#include "tests/support/stack.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <unordered_map>

using namespace sidecache::tests;

namespace {

constexpr int readers = 4;
constexpr int reads_of_a_phase = 150;  // by each reader
constexpr int writes_of_a_phase = 5;
constexpr int most_pipelined = 8;

std::uint64_t from_environment(char const* name, std::uint64_t fallback) {
    auto const* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads
    return value == nullptr ? fallback : std::stoull(value);
}

/// What has to be the same of two answers.
struct essence {
    int status = 0;
    std::string body;
    std::string coding, type, etag;

    explicit essence(http_response const& r)
        : status(r.status),
          body(r.body),
          coding(r["Content-Encoding"]),
          type(r["Content-Type"]),
          etag(r["ETag"]) {}
    bool operator==(essence const&) const = default;
    std::string text() const {
        std::ostringstream out;
        out << status << " [" << type << "] [" << coding << "] [" << etag << "] " << body.size()
            << " bytes: " << (coding.empty() ? body.substr(0, 400) : "(coded)");
        return out.str();
    }
};

/// What the readers find, added up.
struct tally {
    std::atomic<std::uint64_t> reads{0}, hits{0}, joined{0}, validated{0}, unverified{0},
        bypassed{0};
    std::mutex mutex;
    std::vector<std::string> differences;

    void count(http_response const& r) {
        auto const status = r["Cache-Status"];
        ++reads;
        hits += status.starts_with("sidecache; hit") ? 1 : 0;
        joined += status.find("; collapsed") != std::string::npos ? 1 : 0;
        validated += status.find("; fwd-status=304") != std::string::npos ? 1 : 0;
        bypassed += status.find("fwd=bypass") != std::string::npos ? 1 : 0;
        unverified += status.find("unverified_identity") != std::string::npos ? 1 : 0;
    }
    void differs(asked const& what, http_response const& got, essence const& expected) {
        std::lock_guard const lock(mutex);
        if (differences.size() < 5) {
            differences.push_back(what.text() + "\nCache-Status: " + got["Cache-Status"] +
                                  "\nproxy:   " + essence(got).text() +
                                  "\nbackend: " + expected.text() + "\n");
        }
    }
};

/// One client: connections to both proxies and to the backend.
class client {
public:
    client(stack& s, std::uint64_t seed, std::uint64_t stream, tally& t)
        : mix_(seed, stream), backend_(s.backend().port()), tally_(t) {
        for (std::size_t i = 0; i < s.size(); ++i) {
            proxies_.emplace_back(s[i].port());
        }
    }

    /// What everybody asks for at this moment, `hot` being the same stream for all.
    void join_in(std::uint64_t seed, std::uint64_t hot) {
        request_mix same(seed, hot);
        auto& to = proxies_[static_cast<std::size_t>(mix_.number(2))];
        for (int i = 0; i < most_pipelined; ++i) {
            auto const each = same.read();
            to.send(each.method, each.target, each.fields, each.body);
            check(each, to.receive());
        }
    }

    void read(int how_many) {
        while (how_many > 0) {
            std::vector<asked> batch(
                static_cast<std::size_t>(std::min(how_many, 1 + mix_.number(most_pipelined))));
            auto& to = proxies_[static_cast<std::size_t>(mix_.number(2))];
            for (auto& each : batch) {
                each = mix_.read();
            }
            for (auto const& each : batch) {
                to.send(each.method, each.target, each.fields, each.body);
            }
            for (auto const& each : batch) {
                check(each, to.receive());
            }
            how_many -= static_cast<int>(batch.size());
        }
    }

    /// A write, and behind it on the same connection reads that already have to see it. Its status.
    int write() {
        expected_.clear();
        auto& to = proxies_[static_cast<std::size_t>(mix_.number(2))];
        auto const change = mix_.write();
        std::vector<asked> batch(static_cast<std::size_t>(mix_.number(3)));
        to.send(change.method, change.target, change.fields, change.body);
        for (auto& each : batch) {
            each = mix_.read();
            to.send(each.method, each.target, each.fields, each.body);
        }
        auto const status = to.receive().status;
        for (auto const& each : batch) {
            check(each, to.receive());
        }
        return status;
    }

private:
    void check(asked what, http_response const& got) {
        tally_.count(got);
        auto const& own = expected(what);
        if (essence(got) == own) {
            return;
        }
        // A cache may give a part of what the backend gives the whole of (RFC 9110 section 14.2).
        auto const range = std::find_if(what.fields.begin(), what.fields.end(), [](auto const& f) {
            return f.first == "Range";
        });
        if (range != what.fields.end() && got.status == 206 && own.status == 200) {
            auto part = own;
            part.status = 206;
            part.body = part.body.substr(0, 10);  // bytes=0-9
            if (range->second == "bytes=0-9" && essence(got) == part) {
                return;
            }
        }
        // A cache may answer a condition that holds with the whole (RFC 9110 section 13.2.1), as if
        // there were none.
        auto const erased =
            std::erase_if(what.fields, [](auto const& f) { return f.first == "If-None-Match"; });
        if (erased == 0 || essence(got) != expected(what)) {
            tally_.differs(what, got, own);
        }
    }

    essence const& expected(asked const& what) {
        auto const text = what.text();
        auto known = expected_.find(text);
        if (known == expected_.end()) {
            auto const own = backend_.request(what.method, what.target, what.fields, what.body);
            known = expected_.emplace(text, essence(own)).first;
        }
        return known->second;
    }

    request_mix mix_;
    std::deque<http_client> proxies_;
    http_client backend_;
    tally& tally_;
    std::unordered_map<std::string, essence> expected_;  // since the last write
};

/// The routes of the products service, and /me, whose answer is each caller's own.
std::string strategy() {
    auto rules = shipped_rules();
    rules.insert(rules.find("rules:\n") + 7,
                 "  - {name: me, match: GET /me, key: me, ttl: 10m, ttl_only: true, "
                 "partition: credential}\n");
    return rules;
}

/// What a run has to have had of each, in parts of a hundred of its reads; otherwise it would show
/// nothing.
struct least {
    unsigned hits = 0, validated = 0, unverified = 0;
};

void compare(std::string const& rules, std::uint64_t wanted, least const& needed) {
    auto const seed = from_environment("SIDECACHE_SEED", std::random_device()());
    CAPTURE(seed);
    stack_options options;
    options.users = request_mix::users;
    options.products = request_mix::products;
    options.store = "timeout: 2s, margin: 20s";
    options.rules = rules;
    stack s(options);
    s.backend().gzip(true);
    s.backend().validated(needed.validated != 0);
    // Some fetches take their time, so that others come and share them.
    s.backend().fault(R"({"method": "GET", "when": "after", "delayMs": 3, "rate": 0.1})");
    tally t;
    client writer(s, seed, 0, t);
    std::map<int, std::uint64_t> outcomes;
    auto const began = std::chrono::steady_clock::now();
    std::uint64_t phase = 0, writes = 0;
    while (t.reads + writes < wanted && t.differences.empty()) {
        ++phase;
        for (int i = 0; i < writes_of_a_phase; ++i, ++writes) {
            ++outcomes[writer.write()];
        }
        std::vector<std::thread> threads;
        for (int i = 0; i < readers; ++i) {
            threads.emplace_back([&, stream = phase * readers + static_cast<std::uint64_t>(i)] {
                try {
                    client c(s, seed, stream, t);
                    c.join_in(seed, ~phase);
                    c.read(reads_of_a_phase);
                } catch (std::exception const& e) {
                    std::lock_guard const lock(t.mutex);
                    t.differences.push_back(std::string("a reader broke off: ") + e.what());
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
    }
    auto const took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began);
    for (auto const& difference : t.differences) {
        FAIL_CHECK(difference);
    }
    auto const share = [&](std::uint64_t n) {
        return std::to_string(100 * n / std::max<std::uint64_t>(1, t.reads)) + "%";
    };
    std::ostringstream statuses;
    for (auto const& [status, count] : outcomes) {
        statuses << ' ' << status << ": " << count;
    }
    MESSAGE("seed " << seed << ": " << t.reads.load() << " reads in " << phase << " phases and "
                    << writes << " writes (" << statuses.str() << " ) in " << took.count()
                    << " s; hits " << share(t.hits) << ", shared fetches " << t.joined.load()
                    << ", validated " << share(t.validated) << ", around the cache "
                    << share(t.bypassed) << " (not verified " << share(t.unverified) << "); "
                    << t.differences.size() << " differences");
    CHECK(t.hits * 100 >= t.reads * needed.hits);
    CHECK(t.validated * 100 >= t.reads * needed.validated);
    CHECK(t.unverified * 100 >= t.reads * needed.unverified);
    CHECK(outcomes[200] + outcomes[201] + outcomes[204] > writes / 3);
}

}  // namespace

TEST_CASE("whoever asks, through either proxy, gets what the backend would have given him") {
    compare(
        strategy(), from_environment("SIDECACHE_REQUESTS", 20'000), {.hits = 30, .unverified = 1});
}

// Nothing is fresh, so that no answer may differ: each is asked about by its ETag.
TEST_CASE("the same where each response says what may become of it (`ttl: origin`)") {
    compare("rules:\n  - {name: rest, match: \"GET /{path*}\", ttl: origin}\n",
            from_environment("SIDECACHE_REQUESTS", 20'000) / 4,
            {.validated = 5});
}
