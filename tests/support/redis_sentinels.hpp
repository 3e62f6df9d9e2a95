#pragma once

#include "tests/support/redis_server.hpp"

#include <deque>
#include <string>
#include <vector>

namespace sidecache::tests {

struct sentinel_options {
    int replicas = 2;
    int sentinels = 3;
    std::string name = "main";
    std::vector<std::string> redis_arguments{};
    /// More lines for each Sentinel's file: "requirepass secret".
    std::vector<std::string> sentinel_lines{};
    /// What the Sentinels' own connections need, with such a line: AUTH's words.
    std::vector<std::string> sentinel_auth{};
};

/// One primary, some replicas, and Sentinels that know all of them and each other. Gone with its
/// object.
class redis_sentinels {
public:
    explicit redis_sentinels(sentinel_options options = {});

    /// `redis+sentinel://` with the first `how_many` Sentinels (0: all) and database 0.
    std::string url(std::size_t how_many = 0, std::string const& credentials = {}) const;

    redis_server& server(std::size_t i) { return servers_.at(i); }
    redis_server& sentinel(std::size_t i) { return sentinels_.at(i); }
    std::size_t servers() const { return servers_.size(); }
    /// Which one is primary, as the first Sentinel that answers says.
    std::size_t primary();

    /// Has the Sentinels make another server primary, and waits until it is, and the old one
    /// follows (or has become primary again: Sentinels on a busy machine depose whoever is slow).
    void fail_over();
    /// kill -9 of the primary; waits until another has taken its place. Returns who died.
    std::size_t kill_primary();
    /// Brings one back that was killed, and waits until it follows the primary (or is it again).
    void revive(std::size_t i);

private:
    /// Waits for what the processes do by themselves; throws, with what they printed last, when
    /// they do not. Sentinels ask a replica every 10 s, and believe one that says to be a primary
    /// for 8 s.
    template <class Condition>
    void wait_for(char const* what, Condition const& condition);
    /// Waits until `of` is primary no more, every Sentinel names the same successor, and that takes
    /// writes: one of them that does not know yet would make a replica of it.
    void wait_for_successor(std::size_t of);
    /// Waits until that server follows, or is primary.
    void wait_for_place(std::size_t i);
    std::size_t primary_by(redis_server& sentinel);
    bool everybody_names(std::size_t i);
    redis_server& any_sentinel();

    sentinel_options options_;
    std::deque<redis_server> servers_;
    std::deque<redis_server> sentinels_;
};

}  // namespace sidecache::tests
