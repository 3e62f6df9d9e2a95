#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/counted_tags.hpp"
#include "proxy/store/credentials.hpp"
#include "proxy/store/dialler.hpp"
#include "proxy/store/identity.hpp"
#include "proxy/store/membership.hpp"
#include "proxy/store/redis_settings.hpp"
#include "proxy/store/rules_watch.hpp"
#include "proxy/store/tag_value.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache::store {

/// What this process says of its rules (protocol.md section 3.8).
struct announcement {
    std::string fingerprint;
    std::vector<std::string> rule_names;
    std::uint64_t number = 0;  // of this process's announcements
    /// "A+B": a reload waits, and the rules of both may answer requests before its mutations end.
    bool is_of_two() const { return fingerprint.find('+') != std::string::npos; }
};

/// What the connections of one process share. Any thread.
class redis_process {
public:
    redis_process(redis_settings settings, telemetry::process_metrics& metrics, id_source& ids);

    redis_settings const settings;
    /// The way to the server.
    dialler dial;
    /// Who we are to it, as it stands in the configuration or its file now.
    result<credentials, connect_error> who() const;
    /// `look` is called when a Sentinel has said who is primary: whoever is connected to somebody
    /// else should dial again. Kept for good; any thread.
    void on_primary_named(std::function<void()> look);
    void primary_named() const;
    /// Whether this process has found its rights at that server to be enough (rights.hpp).
    bool has_tried_rights(id128 server) const;
    void tried_rights(id128 server);
    /// Of servers, or of whole Clusters (cluster.hpp).
    identity_memory identities;
    /// Under which names the store's identity, and a quarantine under it, lie there.
    std::string_view identity_key() const;
    std::string quarantine_key(id128 identity) const;
    counted_tags counted;
    id_source& ids;
    /// This member's id in `sidecache:members`; new with each process.
    id128 const member;
    membership members;
    rules_watch rules;
    /// The listing is left to lapse.
    std::atomic<bool> stays_listed{false};

    /// Null before the first announcement: then nothing is listed and nothing compared.
    std::shared_ptr<announcement const> announced() const;
    /// `confirmed`: called once, from any thread, when a renewal that said it (or a later one) has
    /// had its reply; may be empty.
    void announce(announcement a, std::function<void()> confirmed);
    /// A renewal that said `a` has had its reply.
    void confirm(announcement const& a);
    bool is_awaited() const;

    /// A quarantine that this process has met, in its own clock; kept besides the key in the
    /// store, which an eviction might take.
    void quarantined_until(boot_clock::time_point until);
    bool is_quarantined(boot_clock::time_point now) const;

    /// Gauge: how many are listed.
    void note_members(std::size_t listed);
    /// Gauges: how many connections stand, how many breakers are open.
    void count_up(int change);
    void count_open(int change);

private:
    telemetry::process_metrics& metrics_;
    mutable std::mutex mutex_;
    std::shared_ptr<announcement const> announced_;
    std::vector<std::function<void()>> lookers_;
    std::optional<id128> rights_tried_at_;
    struct awaited {
        std::uint64_t number;
        std::function<void()> confirmed;
    };
    std::vector<awaited> awaited_;
    std::atomic<boot_clock::rep> quarantined_until_{0};
    std::atomic<int> up_{0};
    std::atomic<int> open_{0};
};

}  // namespace sidecache::store
