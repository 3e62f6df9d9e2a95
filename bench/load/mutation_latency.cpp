// What a write's client waits for longer because sidecache is in front: begin with its message, one
// acknowledgement of each replica's near cache, end. One client, one write after the other, each of
// an entry that every replica holds in memory; beside it a PING over the same socket to Redis, and
// the time from the message's reply to the last acknowledgement. Prints Markdown. Asserts nothing:
// what may cost how many round trips is tests/e2e/round_trips_test.cpp's to say.
#include "tests/support/http_client.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/sockets.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace sidecache::tests;

namespace {

using steady = std::chrono::steady_clock;
using microseconds = std::chrono::duration<double, std::micro>;

/// Answers every request at once with the same product.
void answer_all(file_descriptor socket) {
    constexpr std::string_view body = R"({"id": 1, "schemaId": 1})";
    auto const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    std::string seen;
    std::array<char, 4096> piece{};
    for (;;) {
        auto const n = ::recv(socket.value(), piece.data(), piece.size(), 0);
        if (n <= 0) {
            return;
        }
        seen.append(piece.data(), static_cast<std::size_t>(n));
        for (;;) {
            auto const end = seen.find("\r\n\r\n");
            // Bodies here are "{}" or nothing.
            bool const has_body = seen.starts_with("PATCH");
            if (end == std::string::npos || (has_body && seen.size() < end + 6)) {
                break;
            }
            seen.erase(0, end + (has_body ? 6 : 4));
            send_all(socket, answer);
        }
    }
}

std::string file_for(redis_server const& redis, std::uint16_t upstream) {
    return "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\nworkers: 1\nlog: {level: "
           "error}\n"
           "upstream: {url: \"http://127.0.0.1:" +
           std::to_string(upstream) + "\"}\nstore: {url: \"" + redis.url() + "\"}\n" + R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m, partition: none}
  - {name: list, match: "GET /schemas/{schemaId}/products", key: "schema:{schemaId}:products", ttl: 10m}
purges:
  - name: moved
    on: PATCH /products/{id}
    vars: {old: entry.product.schemaId, new: response.schemaId}
    patterns: ["product:{id}*", "schema:{old}:products", "schema:{new}:products"]
)";
}

template <class Work>
double timed(Work const& work) {
    auto const began = steady::now();
    work();
    return microseconds(steady::now() - began).count();
}

void row(char const* what, std::vector<double> times) {
    std::sort(times.begin(), times.end());
    auto const at = [&](double share) {
        return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
    };
    std::printf(
        "| %s | %.0f | %.0f | %.0f | %.0f |\n", what, at(0.5), at(0.9), at(0.99), times.back());
}

void histogram(std::vector<double> const& times) {
    constexpr std::array limits{250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0, 1e12};
    std::array<std::size_t, limits.size()> counts{};
    for (auto const t : times) {
        ++counts[static_cast<std::size_t>(std::upper_bound(limits.begin(), limits.end() - 1, t) -
                                          limits.begin())];
    }
    std::printf("\nGained, by bucket:");
    for (std::size_t i = 0; i < limits.size(); ++i) {
        if (i + 1 < limits.size()) {
            std::printf(" ≤%.2f ms: %zu,", limits[i] / 1000, counts[i]);
        } else {
            std::printf(" more: %zu\n\n", counts[i]);
        }
    }
}

void measure(int replicas, int writes) {
    redis_server redis;
    auto const listener = listen_on(0);
    auto const upstream = local_port(listener);
    std::thread([listener = listener.value()] {
        for (;;) {
            file_descriptor socket(::accept(listener, nullptr, nullptr));
            if (!socket) {
                return;
            }
            std::thread(answer_all, std::move(socket)).detach();
        }
    }).detach();
    std::deque<sidecache_process> group;
    std::deque<http_client> readers;
    for (int i = 0; i < replicas; ++i) {
        auto const& made = group.emplace_back(file_for(redis, upstream));
        readers.emplace_back(made.port());
    }
    http_client direct(upstream);
    auto const hold_in_memory = [&] {
        for (auto& reader : readers) {
            while (reader.get("/products/1")["Cache-Status"].find("detail=near") ==
                   std::string::npos) {
            }
        }
    };
    auto const write = [](http_client& through) {
        if (through.request("PATCH", "/products/1", {}, "{}").status != 200) {
            std::fprintf(stderr, "a write failed\n");
            std::_Exit(1);
        }
    };
    std::vector<double> through, alone, gained, ping;
    auto const acknowledgements = [&] {
        constexpr std::string_view name = "sidecache_purge_ack_wait_seconds";
        return std::pair(group.front().metric(std::string(name) + "_count"),
                         group.front().metric(std::string(name) + "_sum"));
    };
    auto before = acknowledgements();
    for (int i = -20; i < writes; ++i) {  // some to warm up: leases, scripts, connections
        hold_in_memory();
        if (i == 0) {
            before = acknowledgements();
        }
        auto const with = timed([&] { write(readers.front()); });
        auto const without = timed([&] { write(direct); });
        auto const round_trip = timed([&] { redis.command({"PING"}); });
        if (i >= 0) {
            through.push_back(with);
            alone.push_back(without);
            gained.push_back(with - without);
            ping.push_back(round_trip);
        }
    }
    std::printf(
        "%d %s, %d writes; microseconds:\n\n| | p50 | p90 | p99 | max |\n| --- | --- | --- | "
        "--- | --- |\n",
        replicas,
        replicas == 1 ? "replica" : "replicas",
        writes);
    row("through sidecache", through);
    row("straight to the backend", alone);
    row("gained", gained);
    row("PING to Redis", ping);
    auto const after = acknowledgements();
    auto const waits = after.first - before.first;
    histogram(gained);
    std::printf("Acknowledgements were waited for %.0f µs on average.\n\n",
                waits > 0 ? (after.second - before.second) / waits * 1e6 : 0.0);
    ::shutdown(listener.value(), SHUT_RDWR);
}

}  // namespace

int main(int argc, char** argv) {
    int const writes = argc > 1 ? std::atoi(argv[1]) : 2'000;
    for (int const replicas : {1, 3}) {
        measure(replicas, writes);
    }
    std::fflush(stdout);
    std::_Exit(0);  // threads that answer still sit in recv
}
