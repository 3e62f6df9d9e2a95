#include "tests/support/redis_cluster.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/sockets.hpp"

#include <algorithm>
#include <stdexcept>

namespace sidecache::tests {
namespace {

constexpr int slots = 16'384;

template <class Condition>
void wait_for(char const* what, Condition const& condition) {
    if (!eventually(condition)) {
        throw std::runtime_error(std::string("Cluster: ") + what);
    }
}

/// "" from a node that has just cut everybody off.
std::string ask(redis_server& s, std::vector<std::string> const& words) {
    try {
        return s.cli(words);
    } catch (std::runtime_error const&) {
        return {};
    }
}

}  // namespace

redis_cluster::redis_cluster(redis_cluster_options options) : options_(std::move(options)) {
    auto const primaries = options_.primaries;
    for (int i = 0; i < primaries * (1 + options_.replicas); ++i) {
        start_node();
    }
    for (int i = 0; i < primaries; ++i) {
        auto& n = nodes_[static_cast<std::size_t>(i)];
        n.command({"CLUSTER",
                   "ADDSLOTSRANGE",
                   std::to_string(slots * i / primaries),
                   std::to_string(slots * (i + 1) / primaries - 1)});
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i].command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
        nodes_[i].command({"CLUSTER",
                           "MEET",
                           "127.0.0.1",
                           std::to_string(ports().front()),
                           std::to_string(bus_[0])});
    }
    wait_for("the nodes do not find each other", [this] {
        for (auto& n : nodes_) {
            auto const known = ask(n, {"CLUSTER", "NODES"});
            for (auto const& id : ids_) {
                if (known.find(id) == std::string::npos) {
                    return false;
                }
            }
            if (known.find("handshake") != std::string::npos) {
                return false;
            }
        }
        return true;
    });
    for (std::size_t i = static_cast<std::size_t>(primaries); i < nodes_.size(); ++i) {
        nodes_[i].command({"CLUSTER", "REPLICATE", ids_[i % static_cast<std::size_t>(primaries)]});
    }
    for (std::size_t i = static_cast<std::size_t>(primaries); i < nodes_.size(); ++i) {
        wait_for("a replica does not follow", [&] {
            return ask(nodes_[i], {"INFO", "replication"}).find("master_link_status:up") !=
                   std::string::npos;
        });
    }
    wait_until_agreed();
}

void redis_cluster::start_node() {
    auto arguments = options_.redis_arguments;
    auto const bus = free_port();
    arguments.insert(arguments.end(),
                     {"--cluster-enabled",
                      "yes",
                      "--cluster-port",
                      std::to_string(bus),
                      // Whom nobody could follow must not seem gone on a busy machine.
                      "--cluster-node-timeout",
                      options_.replicas == 0 ? "15000" : "1500",
                      "--cluster-replica-validity-factor",
                      "0",
                      "--repl-diskless-sync-delay",
                      "0"});
    if (!options_.tls_arguments.empty()) {
        tls_.push_back(free_port());
        arguments.insert(arguments.end(),
                         {"--tls-port", std::to_string(tls_.back()), "--tls-cluster", "yes"});
        arguments.insert(
            arguments.end(), options_.tls_arguments.begin(), options_.tls_arguments.end());
    }
    nodes_.emplace_back(std::move(arguments));
    bus_.push_back(bus);
    ids_.push_back(nodes_.back().cli({"CLUSTER", "MYID"}));
}

std::size_t redis_cluster::add_node() {
    start_node();
    nodes_.back().command({"CLUSTER",
                           "MEET",
                           "127.0.0.1",
                           std::to_string(ports().front()),
                           std::to_string(bus_.front())});
    wait_for("the new node is not known", [this] {
        for (auto& n : nodes_) {
            if (n.server().running() &&
                ask(n, {"CLUSTER", "NODES"}).find(ids_.back()) == std::string::npos) {
                return false;
            }
        }
        return true;
    });
    wait_until_agreed();
    return nodes_.size() - 1;
}

std::string redis_cluster::url(std::size_t how_many, std::string const& credentials) const {
    std::string hosts;
    auto const all = ports();
    for (std::size_t i = 0; i < all.size() && (how_many == 0 || i < how_many); ++i) {
        hosts += (hosts.empty() ? "" : ",") + std::string("127.0.0.1:") + std::to_string(all[i]);
    }
    return std::string(tls_.empty() ? "redis+cluster://" : "rediss+cluster://") +
           (credentials.empty() ? "" : credentials + "@") + hosts;
}

std::vector<std::uint16_t> redis_cluster::ports() const {
    if (!tls_.empty()) {
        return tls_;
    }
    std::vector<std::uint16_t> out;
    for (auto const& n : nodes_) {
        out.push_back(n.port());
    }
    return out;
}

redis_server& redis_cluster::any() {
    for (auto& n : nodes_) {
        if (n.server().running()) {
            return n;
        }
    }
    throw std::runtime_error("no node runs");
}

int redis_cluster::slot_of(std::string const& key) {
    return static_cast<int>(any().command({"CLUSTER", "KEYSLOT", key}).number());
}

std::size_t redis_cluster::owner_of(int slot) {
    auto const ranges = any().command({"CLUSTER", "SLOTS"});
    for (auto const& r : ranges.items) {
        if (r.items.at(0).number() <= slot && slot <= r.items.at(1).number()) {
            for (std::size_t i = 0; i < nodes_.size(); ++i) {
                if (ids_[i] == r.items.at(2).items.at(2).text) {
                    return i;
                }
            }
        }
    }
    throw std::runtime_error("nobody owns that slot");
}

redis_value redis_cluster::command(std::string const& key, std::vector<std::string> const& words) {
    return nodes_[owner_of(key)].command(words);
}

bool redis_cluster::exists(std::string const& key) {
    return command(key, {"EXISTS", key}).number() == 1;
}

std::string redis_cluster::view_of(redis_server& node) {
    if (ask(node, {"CLUSTER", "INFO"}).find("cluster_state:ok") == std::string::npos) {
        return {};
    }
    std::vector<std::string> lines;
    try {
        for (auto const& r : node.command({"CLUSTER", "SLOTS"}).items) {
            lines.push_back(r.items.at(0).text + "-" + r.items.at(1).text + " " +
                            r.items.at(2).items.at(2).text);
        }
    } catch (std::runtime_error const&) {
        return {};
    }
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (auto const& line : lines) {
        out += line + "\n";
    }
    return out;
}

void redis_cluster::wait_until_agreed() {
    wait_for("the nodes do not agree", [this] {
        std::string first;
        for (auto& n : nodes_) {
            if (!n.server().running()) {
                continue;
            }
            auto const view = view_of(n);
            if (view.empty() || (!first.empty() && view != first)) {
                return false;
            }
            first = view;
        }
        return true;
    });
}

std::size_t redis_cluster::replica_of(std::size_t primary) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].server().running() &&
            ask(nodes_[i], {"CLUSTER", "NODES"}).find("myself,slave " + ids_[primary]) !=
                std::string::npos) {
            return i;
        }
    }
    throw std::runtime_error("it has no replica");
}

void redis_cluster::wait_for_successor(std::size_t of, int slot) {
    wait_for("nobody takes the primary's place", [&] { return owner_of(slot) != of; });
    wait_until_agreed();
}

namespace {

int first_slot_of(redis_server& seen_from, std::string const& id) {
    for (auto const& r : seen_from.command({"CLUSTER", "SLOTS"}).items) {
        if (r.items.at(2).items.at(2).text == id) {
            return static_cast<int>(r.items.at(0).number());
        }
    }
    throw std::runtime_error("it owns nothing");
}

}  // namespace

std::size_t redis_cluster::fail_over(std::size_t primary) {
    auto const slot = first_slot_of(any(), ids_[primary]);
    wait_for("no failover is begun", [&] {
        try {
            auto& heir = nodes_[replica_of(primary)];
            return heir.try_command({"CLUSTER", "FAILOVER"}).what != redis_value::kind::error;
        } catch (std::runtime_error const&) {
            return false;
        }
    });
    wait_for_successor(primary, slot);
    wait_for("the old primary does not follow", [&] {
        return ask(nodes_[primary], {"INFO", "replication"}).find("role:slave") !=
               std::string::npos;
    });
    return owner_of(slot);
}

std::size_t redis_cluster::kill_primary(std::size_t primary) {
    auto const slot = first_slot_of(any(), ids_[primary]);
    nodes_[primary].kill();
    wait_for_successor(primary, slot);
    return owner_of(slot);
}

void redis_cluster::revive(std::size_t i) {
    nodes_[i].start();
    wait_for("who was killed does not follow", [&] {
        return ask(nodes_[i], {"INFO", "replication"}).find("master_link_status:up") !=
               std::string::npos;
    });
    wait_until_agreed();
}

void redis_cluster::begin_move(int slot, std::size_t to) {
    auto const from = owner_of(slot);
    auto const text = std::to_string(slot);
    nodes_[to].command({"CLUSTER", "SETSLOT", text, "IMPORTING", ids_[from]});
    nodes_[from].command({"CLUSTER", "SETSLOT", text, "MIGRATING", ids_[to]});
}

bool redis_cluster::move_keys(int slot, std::size_t to, int most) {
    auto& from = nodes_[owner_of(slot)];
    auto const keys =
        from.command({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), std::to_string(most)});
    for (auto const& key : keys.items) {
        from.command(
            {"MIGRATE", "127.0.0.1", std::to_string(nodes_[to].port()), key.text, "0", "5000"});
    }
    return from.command({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).number() == 0;
}

void redis_cluster::finish_move(int slot, std::size_t to) {
    auto const from = owner_of(slot);
    auto const text = std::to_string(slot);
    nodes_[to].command({"CLUSTER", "SETSLOT", text, "NODE", ids_[to]});
    nodes_[from].command({"CLUSTER", "SETSLOT", text, "NODE", ids_[to]});
}

void redis_cluster::move_slot(int slot, std::size_t to) {
    if (owner_of(slot) == to) {
        return;
    }
    begin_move(slot, to);
    while (!move_keys(slot, to)) {
    }
    finish_move(slot, to);
}

}  // namespace sidecache::tests
