#pragma once

#include "tests/support/demo_backend.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/tcp_relay.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::tests {

/// What a stack is made of; the YAML parts go into the replicas' files as they are.
struct stack_options {
    int replicas = 2;
    int products = 100;
    int users = 2;  ///< of each organization
    std::vector<std::string> redis_arguments{};
    /// Each replica reaches Redis (the backend) through a relay of its own: `store_relay(i)`.
    bool store_relays = false;
    bool upstream_relays = false;
    /// Settings inside `upstream:` and `store:`, one flow mapping without braces each:
    /// "timeout: 2s, connect_timeout: 1s".
    std::string upstream{};
    std::string store{};
    /// More top-level sections, as YAML text.
    std::string settings{};
    /// `rules:` and `purges:`, as YAML text; empty: those of config/products.yaml, which take the
    /// organization from X-Org-Id here (`open_rules`), or from who asks (`is_verified`).
    std::string rules{};
    bool is_verified = false;
    /// Instead of an own Redis: "memory://".
    std::string store_url{};
};

/// A private Redis, a demo backend and some replicas of sidecache in front of it. Gone with its
/// object.
class stack {
public:
    explicit stack(stack_options options = {});

    redis_server& redis() { return *redis_; }
    demo_backend& backend() { return backend_; }
    sidecache_process& operator[](std::size_t i) { return replicas_.at(i); }
    std::size_t size() const { return replicas_.size(); }
    tcp_relay& store_relay(std::size_t i) { return store_relays_.at(i); }
    tcp_relay& upstream_relay(std::size_t i) { return upstream_relays_.at(i); }

    /// The file of replica `i`, for changed rules: `with_rules(0, "rules: ...")`.
    std::string yaml(std::size_t i, std::string_view rules = {}) const;
    /// Starts one more replica (its relays too) and returns its number.
    std::size_t add_replica();

private:
    stack_options options_;
    std::optional<redis_server> redis_;
    demo_backend backend_;
    std::deque<tcp_relay> store_relays_, upstream_relays_;
    std::deque<sidecache_process> replicas_;
};

/// From "identity:" to the end of config/products.yaml.
std::string shipped_rules();
/// The same for callers who are trusted: the organization is what X-Org-Id says, and entries are
/// everybody's. For tests that are not about who asks.
std::string open_rules();

}  // namespace sidecache::tests
