#include "tests/consistency/faults.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace sidecache::consistency {

namespace {

using std::chrono::milliseconds;
using random = std::mt19937_64;

/// How long a fault stands: it is the fault, not a wait for something.
void stand(milliseconds how_long) {
    ::poll(nullptr, 0, static_cast<int>(how_long.count()));
}

milliseconds between(random& r, milliseconds least, milliseconds most) {
    return milliseconds(
        std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(r));
}

unsigned any_replica(cluster& c, random& r) {
    return static_cast<unsigned>(r() % c.size());
}

using std::chrono_literals::operator""ms;

// --- Replicas -----------------------------------------------------------------------------------

void kill_replica(cluster& c, random& r) {
    auto const i = any_replica(c, r);
    c.kill(i);
    stand(between(r, 0ms, 800ms));
    c.start(i);
}

/// The backend takes its time, so that the replica dies with the request on its way.
void kill_with_slow(cluster& c, random& r, std::string const& method) {
    c.backend().fault("{\"method\":\"" + method + "\",\"when\":\"" +
                      (r() % 2 == 0 ? "before" : "after") + "\",\"delayMs\":400}");
    stand(between(r, 150ms, 500ms));
    kill_replica(c, r);
    c.backend().heal();
}
void kill_in_mutation(cluster& c, random& r) {
    kill_with_slow(c, r, "PATCH");
}
void kill_in_fill(cluster& c, random& r) {
    kill_with_slow(c, r, "GET");
}

void stop_for(cluster& c, random& r, milliseconds how_long) {
    auto& p = c.replica(any_replica(c, r)).server();
    p.pause();
    stand(how_long);
    p.resume();
}
/// Past its lease.
void stop_replica(cluster& c, random& r) {
    stop_for(c, r, between(r, cluster::lease / 2, 4 * cluster::lease));
}
/// Past the deadline of every marker that it had set, with mutations on their way.
void stop_replica_long(cluster& c, random& r) {
    c.backend().fault(R"({"method":"PATCH","when":"after","delayMs":300})");
    stand(between(r, 100ms, 400ms));
    stop_for(c, r, cluster::marker_life + between(r, 100ms, 800ms));
    c.backend().heal();
}
void leave(cluster& c, random& r) {
    auto const i = any_replica(c, r);
    c.replica(i).server().terminate();
    c.replica(i).server().wait();
    c.kill(i);
    c.start(i);
}

// --- The link between a replica and Redis --------------------------------------------------------

void cut_link(cluster& c, random& r) {
    auto& link = c.link(any_replica(c, r));
    link.refuse(true);
    stand(between(r, 50ms, 1500ms));
    link.refuse(false);
}
void cut_link_shortly(cluster& c, random& r) {
    for (int i = 0; i < 5; ++i) {
        c.link(any_replica(c, r)).cut();
        stand(between(r, 10ms, 200ms));
    }
}
void hold_requests(cluster& c, random& r) {
    auto& link = c.link(any_replica(c, r));
    link.hold_requests(true);
    stand(between(r, 50ms, 1500ms));
    link.hold_requests(false);
}
void hold_replies(cluster& c, random& r) {
    auto& link = c.link(any_replica(c, r));
    link.hold_replies(true);
    stand(between(r, 50ms, 1500ms));
    link.hold_replies(false);
}
void slow_link(cluster& c, random& r) {
    auto& link = c.link(any_replica(c, r));
    link.delay(between(r, 5ms, 60ms));
    stand(between(r, 300ms, 1500ms));
    link.delay(0ms);
}
void stalling_link(cluster& c, random& r) {
    auto& link = c.link(any_replica(c, r));
    for (int i = 0; i < 6; ++i) {
        link.hold_replies(true);
        stand(between(r, 20ms, 250ms));
        link.hold_replies(false);
        stand(between(r, 5ms, 100ms));
    }
}

// --- Redis ---------------------------------------------------------------------------------------

void stop_redis(cluster& c, random& r) {
    c.redis().pause();
    stand(between(r, 50ms, 1500ms));
    c.redis().resume();
}
/// It comes back with what it knew some time ago, under another run_id.
void restart_redis(cluster& c, random& r) {
    c.redis().snapshot();
    stand(between(r, 200ms, 1000ms));
    c.redis().kill();
    stand(between(r, 0ms, 500ms));
    c.redis().start();
    stand(cluster::marker_life + 500ms);  // its quarantine; what comes after is worth a look, too
}
void flush(cluster& c, random&) {
    c.redis().command({"FLUSHALL"});
}
void delete_keys(cluster& c, random& r) {
    for (int i = 0; i < 40; ++i) {
        auto const key = c.redis().cli({"RANDOMKEY"});
        if (!key.empty()) {
            c.redis().command({"DEL", key});
        }
        stand(between(r, 0ms, 10ms));
    }
}
void delete_entries(cluster& c, random& r) {
    for (int i = 0; i < 40; ++i) {
        auto const key = c.redis().cli({"RANDOMKEY"});
        if (key.starts_with("product") || key.starts_with("org:") || key.starts_with("schema:")) {
            c.redis().command({"DEL", key});
        }
        stand(between(r, 0ms, 10ms));
    }
}
void forget_members(cluster& c, random& r) {
    c.redis().command({"DEL", "sidecache:members"});
    stand(between(r, 0ms, 300ms));
}
/// Hardly any room: `volatile-lru` takes entries and tags that carry no mark.
void evict(cluster& c, random& r) {
    c.redis().command({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
    c.redis().command({"CONFIG", "SET", "maxmemory", "1200kb"});
    stand(between(r, 500ms, 2000ms));
    c.redis().command({"CONFIG", "SET", "maxmemory", "0"});
    c.redis().command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
}

// --- Redis behind Sentinels ----------------------------------------------------------------------

void fail_over(cluster& c, random& r) {
    c.group().fail_over();
    stand(between(r, 0ms, 1000ms));
}
void kill_primary(cluster& c, random& r) {
    auto const dead = c.group().kill_primary();
    stand(between(r, 0ms, 1000ms));
    c.group().revive(dead);
    stand(cluster::marker_life + 500ms);  // its quarantine; what comes after is worth a look, too
}

// --- A Redis Cluster -----------------------------------------------------------------------------

std::size_t any_primary(cluster& c, random& r) {
    return c.nodes().owner_of(static_cast<int>(r() % 16'384));
}
void fail_over_node(cluster& c, random& r) {
    c.nodes().fail_over(any_primary(c, r));
    stand(between(r, 0ms, 1000ms));
}
void kill_and_revive(cluster& c, random& r, std::size_t who) {
    c.nodes().kill_primary(who);
    stand(between(r, 0ms, 1000ms));
    c.nodes().revive(who);
    stand(cluster::marker_life + 500ms);  // its quarantine; what comes after is worth a look, too
}
void kill_node(cluster& c, random& r) {
    kill_and_revive(c, r, any_primary(c, r));
}
void kill_home(cluster& c, random& r) {
    kill_and_revive(c, r, c.nodes().owner_of("sidecache:members"));
}
void stop_node(cluster& c, random& r) {
    auto& node = c.nodes().node(any_primary(c, r));
    node.pause();
    stand(between(r, 50ms, 600ms));
    node.resume();
    c.nodes().wait_until_agreed();
}
void move_to_another(cluster& c, random& r, int slot, bool slowly) {
    auto& nodes = c.nodes();
    auto const from = nodes.owner_of(slot);
    auto to = any_primary(c, r);
    for (int i = 0; i < 100 && to == from; ++i) {
        to = any_primary(c, r);
    }
    if (to == from) {
        return;
    }
    if (!slowly) {
        nodes.move_slot(slot, to);
        return;
    }
    nodes.begin_move(slot, to);
    do {
        stand(between(r, 0ms, 60ms));
    } while (!nodes.move_keys(slot, to, 1));
    stand(between(r, 0ms, 100ms));
    while (!nodes.move_keys(slot, to)) {
    }
    nodes.finish_move(slot, to);
}
void move_some(cluster& c, random& r, int slots, bool slowly) {
    for (int i = 0; i < slots; ++i) {
        auto const key = c.nodes().node(any_primary(c, r)).cli({"RANDOMKEY"});
        if (!key.empty()) {
            move_to_another(c, r, c.nodes().slot_of(key), slowly);
        }
        stand(between(r, 0ms, 50ms));
    }
}
void move_slots(cluster& c, random& r) {
    move_some(c, r, 25, false);
}
void move_slowly(cluster& c, random& r) {
    move_some(c, r, 8, true);
}
void move_home(cluster& c, random& r) {
    move_to_another(c, r, c.nodes().slot_of("sidecache:members"), r() % 2 == 0);
    stand(between(r, 0ms, 500ms));
}

// --- The backend
// -----------------------------------------------------------------------------------

void backend_fault(cluster& c, random& r, std::string const& json) {
    c.backend().fault(json);
    stand(between(r, 300ms, 1500ms));
    c.backend().heal();
}
void backend_resets(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"*","when":"before","then":"reset","rate":0.3})");
}
void backend_hangs(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"PATCH","when":"before","then":"hang","rate":0.5})");
}
void backend_commits_then_hangs(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"PATCH","when":"after","then":"hang","rate":0.5})");
}
void backend_commits_then_resets(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"*","when":"after","then":"reset","rate":0.4})");
}
void backend_commits_then_fails(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"*","when":"after","then":"status","status":500,"rate":0.4})");
}
void backend_commits_then_503(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"PATCH","when":"after","then":"status","status":503})");
}
/// Answers its 504 in place of the proxy, and commits later than any client waits.
void backend_commits_late(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"PATCH","when":"before","delayMs":1300,"rate":0.5})");
}
void backend_is_slow(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"*","when":"after","delayMs":120,"rate":0.7})");
}
void backend_truncates(cluster& c, random& r) {
    backend_fault(c, r, R"({"method":"GET","when":"after","then":"truncate","rate":0.3})");
}
void kill_backend(cluster& c, random& r) {
    c.backend().kill();
    stand(between(r, 0ms, 500ms));
    c.backend().start();
}

constexpr checks all{};
/// Whoever takes a marker out of the store takes P2 and P3 with it.
constexpr checks first_only{.monotonic = false, .abandoned = false};

}  // namespace

std::vector<fault> const& all_faults() {
    static std::vector<fault> const list{
        {"kill", "kill -9 of a replica, and its restart", all, kill_replica},
        {"kill-in-mutation", "... while the backend works on a mutation", all, kill_in_mutation},
        {"kill-in-fill", "... while the backend works on a GET", all, kill_in_fill},
        {"stop", "SIGSTOP of a replica, up to four leases", all, stop_replica},
        {"stop-long", "SIGSTOP of a replica past its markers' deadline", all, stop_replica_long},
        {"leave", "SIGTERM of a replica, and its restart", all, leave},
        {"cut-link",
         "a replica's connections to Redis are refused",
         all,
         cut_link,
         topology::single},
        {"cut-link-shortly",
         "... reset, and welcome again",
         all,
         cut_link_shortly,
         topology::single},
        {"hold-requests",
         "nothing of a replica's reaches Redis for a while",
         all,
         hold_requests,
         topology::single},
        {"hold-replies",
         "nothing of Redis's reaches a replica for a while",
         all,
         hold_replies,
         topology::single},
        {"slow-link",
         "5 to 60 ms each way between a replica and Redis",
         all,
         slow_link,
         topology::single},
        {"stalling-link", "replies come in gushes", all, stalling_link, topology::single},
        {"stop-redis", "SIGSTOP of Redis", all, stop_redis, topology::single},
        {"restart-redis",
         "kill -9 of Redis, and its restart from an old snapshot",
         all,
         restart_redis,
         topology::single},
        {"forget-members", "the member list is deleted", all, forget_members, topology::single},
        {"delete-entries", "entries are deleted at random", all, delete_entries, topology::single},
        {"evict", "maxmemory far too small, volatile-lru", all, evict, topology::single},
        {"backend-resets", "the backend resets connections", all, backend_resets},
        {"backend-hangs", "the backend hangs before it commits", all, backend_hangs},
        {"backend-commits-then-hangs", "... after", all, backend_commits_then_hangs},
        {"backend-commits-then-resets", "... resets after", all, backend_commits_then_resets},
        {"backend-commits-then-fails", "... says 500 after", all, backend_commits_then_fails},
        {"backend-commits-then-503", "... says 503 after", all, backend_commits_then_503},
        {"backend-commits-late", "... after the proxy's 504", all, backend_commits_late},
        {"backend-is-slow", "120 ms between commit and answer", all, backend_is_slow},
        {"backend-truncates", "half a body", all, backend_truncates},
        {"kill-backend", "kill -9 of the backend, and its restart", all, kill_backend},
        {"flush", "FLUSHALL (P1 only)", first_only, flush, topology::single},
        {"delete-keys",
         "keys of any kind are deleted at random (P1 only)",
         first_only,
         delete_keys,
         topology::single},
        {"failover", "Sentinels make another server primary", all, fail_over, topology::sentinels},
        {"kill-primary",
         "kill -9 of the primary; it comes back as a replica",
         all,
         kill_primary,
         topology::sentinels},
        {"node-failover",
         "a replica takes its primary's place",
         all,
         fail_over_node,
         topology::cluster},
        {"kill-node",
         "kill -9 of a primary; it comes back as a replica",
         all,
         kill_node,
         topology::cluster},
        {"kill-home",
         "... of the one that has the list of replicas",
         all,
         kill_home,
         topology::cluster},
        {"stop-node",
         "SIGSTOP of a primary, too short for a failover",
         all,
         stop_node,
         topology::cluster},
        {"move-slots",
         "slots with tags, entries and locks move",
         all,
         move_slots,
         topology::cluster},
        {"move-slowly", "... and take their time", all, move_slowly, topology::cluster},
        {"move-home", "the slot of the list of replicas moves", all, move_home, topology::cluster},
    };
    return list;
}

std::vector<fault> faults_named(std::string_view list, topology store) {
    std::vector<fault> out;
    while (!list.empty()) {
        auto const comma = list.find(',');
        auto const name = list.substr(0, comma);
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
        bool found = name == "none";
        for (auto const& f : all_faults()) {
            bool const strict = f.holds.monotonic && f.holds.abandoned;
            bool const fits = !f.only_with || *f.only_with == store;
            if (fits && (name == "all" || (name == "strict" && strict) || name == f.name)) {
                out.push_back(f);
                found = true;
            }
        }
        if (!found) {
            throw std::runtime_error("there is no fault \"" + std::string(name) +
                                     "\" with this store");
        }
    }
    return out;
}

checks weakest(std::vector<fault> const& faults) {
    checks out;
    for (auto const& f : faults) {
        out.monotonic = out.monotonic && f.holds.monotonic;
        out.abandoned = out.abandoned && f.holds.abandoned;
    }
    return out;
}

}  // namespace sidecache::consistency
