#pragma once

#include "tests/support/redis_server.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::tests {

struct redis_cluster_options {
    int primaries = 3;
    /// Of each primary.
    int replicas = 0;
    std::vector<std::string> redis_arguments{};
    /// Settings of a certificate: clients, and the nodes among themselves, speak TLS then.
    std::vector<std::string> tls_arguments{};
};

/// A Redis Cluster on loopback whose slots are shared out evenly. Gone with its object.
class redis_cluster {
public:
    explicit redis_cluster(redis_cluster_options options = {});

    /// `redis+cluster://` with the first `how_many` nodes (0: all).
    std::string url(std::size_t how_many = 0, std::string const& credentials = {}) const;
    /// Where clients are meant to come: TLS ports where there are any.
    std::vector<std::uint16_t> ports() const;

    redis_server& node(std::size_t i) { return nodes_.at(i); }
    std::size_t size() const { return nodes_.size(); }
    /// The slot as Redis itself reckons it.
    int slot_of(std::string const& key);
    /// Who owns it, as whoever runs says.
    std::size_t owner_of(int slot);
    std::size_t owner_of(std::string const& key) { return owner_of(slot_of(key)); }
    /// A key is somewhere.
    bool exists(std::string const& key);
    /// A command about one key, at whoever has it.
    redis_value command(std::string const& key, std::vector<std::string> const& words);

    /// Has a replica take its primary's place, and waits until all see it. Returns who took it.
    std::size_t fail_over(std::size_t primary);
    /// kill -9 of a primary; waits until a replica has taken its place. Returns who took it.
    std::size_t kill_primary(std::size_t primary);
    /// Brings one back that was killed, and waits until it follows its successor.
    void revive(std::size_t i);
    /// Begins to move a slot: what is not at its owner is at `to`.
    void begin_move(int slot, std::size_t to);
    /// Moves the keys that are still there, up to `most`; true: none is left.
    bool move_keys(int slot, std::size_t to, int most = 1'000'000);
    void finish_move(int slot, std::size_t to);
    /// All of it.
    void move_slot(int slot, std::size_t to);
    /// One more node, without slots. Returns its number.
    std::size_t add_node();
    /// Waits until every node that runs finds the Cluster in order and sees the same owners.
    void wait_until_agreed();

private:
    void start_node();
    std::string id_of(std::size_t i) const { return ids_.at(i); }
    redis_server& any();
    /// Primaries with their slots, as that node sees them.
    std::string view_of(redis_server& node);
    std::size_t replica_of(std::size_t primary);
    void wait_for_successor(std::size_t of, int slot);

    redis_cluster_options options_;
    std::deque<redis_server> nodes_;
    std::vector<std::uint16_t> bus_;
    std::vector<std::uint16_t> tls_;
    std::vector<std::string> ids_;
};

}  // namespace sidecache::tests
