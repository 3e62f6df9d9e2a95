#pragma once

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::tests {

/// The demo backend as a process of its own, and its side door (tests/backend/control.hpp). Throws
/// std::runtime_error when it does not do what it is told.
class demo_backend {
public:
    /// `users` of each of the three organizations: token-1-1, token-1-2...
    explicit demo_backend(int products = 100, int users = 2);

    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    process& server() { return *process_; }

    /// Requests that arrived since the start or the last `forget`: of a route ("GET
    /// /products/{id}"), of a target ("GET /products/1"), of everything.
    std::int64_t count(std::string_view route) const;
    std::int64_t count_target(std::string_view method_and_target) const;
    std::int64_t total() const;
    std::int64_t max_in_flight() const;
    void forget();

    struct seen {
        std::string method, target;
        http_fields fields;
        std::string body;
    };
    /// The last requests whole, oldest first.
    std::vector<seen> requests() const;

    /// What the backend committed (tests/backend/catalog.hpp, commit_record), in that order.
    struct commit {
        std::int64_t product = 0, version = 0, organization = 0, schema = 0, price_cents = 0;
        std::int64_t began_ns = 0, done_ns = 0;
    };
    std::vector<commit> commits() const;

    /// Adds a fault, in the side door's JSON.
    void fault(std::string_view json);
    /// No more faults; what is held goes on.
    void heal();
    /// What is held (of that method only) goes on; what comes later is held again.
    void release(std::string const& method = "");
    /// Waits until so many requests are held.
    void wait_held(int at_least);
    void gzip(bool on);
    /// Answers say that a cache may keep them and has to ask about them each time.
    void validated(bool on);

    /// kill -9; the port stays its own for `start`.
    void kill() { process_->kill(); }
    /// Starts it again on the same port and data.
    void start();

private:
    void ask(std::string_view method, std::string_view target, std::string_view body = {}) const;
    std::string counters() const;

    temp_dir folder_;
    int products_;
    int users_;
    std::uint16_t port_ = 0;
    std::uint16_t control_ = 0;
    std::optional<process> process_;
};

/// The port at the end of "... listening on 127.0.0.1:PORT".
std::uint16_t port_at_end(std::string const& line);

}  // namespace sidecache::tests
