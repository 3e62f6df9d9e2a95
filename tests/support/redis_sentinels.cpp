#include "tests/support/redis_sentinels.hpp"

#include "tests/support/eventually.hpp"

#include <algorithm>
#include <stdexcept>

namespace sidecache::tests {
namespace {

std::string field_of(redis_value const& flat, std::string const& name) {
    for (std::size_t i = 0; i + 1 < flat.items.size(); i += 2) {
        if (flat.items[i].text == name) {
            return flat.items[i + 1].text;
        }
    }
    return {};
}

constexpr std::size_t last_lines = 4000;  // bytes of a process's output that say what happened

std::string end_of(std::string const& output) {
    return output.size() <= last_lines ? output : output.substr(output.size() - last_lines);
}

/// INFO replication; "" from a server that has just cut everybody off, as Sentinel makes it do when
/// its role changes.
std::string replication_of(redis_server& s) {
    try {
        return s.cli({"INFO", "replication"});
    } catch (std::runtime_error const&) {
        return {};
    }
}

}  // namespace

template <class Condition>
void redis_sentinels::wait_for(char const* what, Condition const& condition) {
    if (eventually(condition, std::chrono::minutes(2))) {
        return;
    }
    std::string said = std::string("Sentinel: ") + what + "\n";
    for (auto& s : servers_) {
        said += "-- Redis on " + std::to_string(s.port()) + "\n" + replication_of(s) +
                end_of(s.server().output());
    }
    for (auto& s : sentinels_) {
        said += "-- Sentinel on " + std::to_string(s.port()) + "\n" + end_of(s.server().output());
    }
    throw std::runtime_error(said);
}

redis_sentinels::redis_sentinels(sentinel_options options) : options_(std::move(options)) {
    servers_.emplace_back(options_.redis_arguments);
    auto const primary_port = std::to_string(servers_.front().port());
    for (int i = 0; i < options_.replicas; ++i) {
        auto arguments = options_.redis_arguments;
        arguments.insert(arguments.end(), {"--replicaof", "127.0.0.1", primary_port});
        servers_.emplace_back(std::move(arguments));
    }
    std::string file = "sentinel monitor " + options_.name + " 127.0.0.1 " + primary_port + " " +
                       std::to_string(options_.sentinels / 2 + 1) + "\n";
    // Shorter, and a busy machine has them depose a primary that is only slow; a replica whose link
    // has been down for ten times that may not be promoted.
    for (auto const* const line :
         {"down-after-milliseconds NAME 2500", "failover-timeout NAME 5000"}) {
        std::string text = std::string("sentinel ") + line + "\n";
        text.replace(text.find("NAME"), 4, options_.name);
        file += text;
    }
    for (auto const& line : options_.sentinel_lines) {
        file += line + "\n";
    }
    for (int i = 0; i < options_.sentinels; ++i) {
        sentinels_.emplace_back(sentinel_file{file, options_.sentinel_auth});
    }
    wait_for("they do not find each other", [this] {
        for (auto& s : sentinels_) {
            auto const known = s.command({"SENTINEL", "master", options_.name});
            if (field_of(known, "num-slaves") != std::to_string(options_.replicas) ||
                field_of(known, "num-other-sentinels") != std::to_string(options_.sentinels - 1)) {
                return false;
            }
        }
        return true;
    });
}

std::string redis_sentinels::url(std::size_t how_many, std::string const& credentials) const {
    std::string hosts;
    for (std::size_t i = 0; i < sentinels_.size() && (how_many == 0 || i < how_many); ++i) {
        hosts += (hosts.empty() ? "" : ",") + std::string("127.0.0.1:") +
                 std::to_string(sentinels_[i].port());
    }
    return "redis+sentinel://" + (credentials.empty() ? "" : credentials + "@") + hosts + "/" +
           options_.name + "/0";
}

redis_server& redis_sentinels::any_sentinel() {
    for (auto& s : sentinels_) {
        if (s.server().running()) {
            return s;
        }
    }
    throw std::runtime_error("no Sentinel runs");
}

std::size_t redis_sentinels::primary_by(redis_server& sentinel) {
    auto const at = sentinel.command({"SENTINEL", "get-master-addr-by-name", options_.name});
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (std::to_string(servers_[i].port()) == at.items.at(1).text) {
            return i;
        }
    }
    throw std::runtime_error("the Sentinels name a stranger");
}

std::size_t redis_sentinels::primary() {
    return primary_by(any_sentinel());
}

bool redis_sentinels::everybody_names(std::size_t i) {
    return std::ranges::all_of(
        sentinels_, [&](redis_server& s) { return !s.server().running() || primary_by(s) == i; });
}

void redis_sentinels::wait_for_successor(std::size_t of) {
    wait_for("nobody becomes primary", [&] {
        auto const now = primary();
        return now != of && everybody_names(now) &&
               replication_of(servers_[now]).find("role:master") != std::string::npos;
    });
}

void redis_sentinels::wait_for_place(std::size_t i) {
    wait_for("who was primary has no place", [&] {
        auto const says = replication_of(servers_[i]);
        return says.find("master_link_status:up") != std::string::npos ||
               (says.find("role:master") != std::string::npos && everybody_names(i));
    });
}

void redis_sentinels::fail_over() {
    auto const before = primary();
    wait_for("no failover is begun", [&] {
        auto const said = any_sentinel().try_command({"SENTINEL", "failover", options_.name});
        return said.what != redis_value::kind::error;  // NOGOODSLAVE, INPROG
    });
    wait_for_successor(before);
    wait_for_place(before);
}

std::size_t redis_sentinels::kill_primary() {
    auto const before = primary();
    servers_[before].kill();
    wait_for_successor(before);
    return before;
}

void redis_sentinels::revive(std::size_t i) {
    servers_[i].start();
    wait_for_place(i);
}

}  // namespace sidecache::tests
