#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/lease.hpp"
#include "proxy/store/tag_value.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace sidecache::store {

/// This process among the replicas (protocol.md section 4), as a machine without I/O and without a
/// clock: it is told what its connections learn, and grants the lease or takes it away.
///
/// The lease holds for `length` from the *sending* of the older of
///
///   - a PING on the subscription's own connection whose PONG has come: what was published before
///     the server took the PING has been delivered before the PONG;
///   - a renewal of the listing that said "I serve near" whose reply has come: whoever reads the
///     members after that knows whom to ask;
///
/// both at the same server, the present one. Whoever has just started, was not listed, has lost its
/// subscription or meets another server loses the lease, empties its near cache, and is *unsettled*
/// for one full lease: its own mutations wait all of it, whoever is listed, since the list may have
/// been made anew without those who still hold leases.
///
/// Any thread.
class membership {
public:
    using time_point = boot_clock::time_point;

    /// `length`: near_cache.lease. A process has just started at `now`.
    membership(std::chrono::nanoseconds length, time_point now);

    /// This process has a near cache: `empty` is called when it has to forget everything and void
    /// what is on its way (under the lock of this; any thread). Before anything is connected.
    /// Without it no lease is granted, and the process is listed as one that nobody needs to ask.
    void serve_near(std::function<void()> empty);
    lease const& held() const { return held_; }
    /// For good, before the process ends: from now on nothing is served near, and from the next
    /// renewal on nobody asks. True: the next renewal has something to tell.
    bool leave_near();

    // --- The subscription ---------------------------------------------------------------------
    /// It stands, at that server; everything published from now on is delivered.
    void subscribed(id128 server, time_point now);
    /// The PONG of a PING that was sent then, after `subscribed`.
    void ponged(time_point sent_at, time_point now);
    /// It broke, or has fallen silent.
    void unsubscribed(time_point now);

    // --- The listing --------------------------------------------------------------------------
    /// What a renewal says. `near`: '1' near hits may be served, '0' they are not, '=' as it was:
    /// only one connection knows what was said last.
    struct renewal {
        std::uint64_t count = 0;
        char near = '=';
        std::uint64_t subscription = 0;
        time_point sent_at{};
        /// Drop the records of others that have lapsed, now and then.
        bool cleans = false;
    };
    /// Right before the sending. `carries`: on the connection whose renewals carry the lease.
    renewal renew(bool carries, time_point now);
    enum class listed : std::int8_t { overtaken = -1, anew = 0, still = 1 };
    void renewed(renewal const& what, listed how, id128 join, id128 server, time_point now);

    /// A connection was opened to that server, which is the present one from now on.
    void met(id128 server, time_point now);

    /// The present one; nullopt: none was met yet.
    std::optional<id128> server() const;

    // --- For mutations ------------------------------------------------------------------------
    /// How the list of members names this process (nullopt: not in it). Anything but what the last
    /// renewal's reply said: the list was made anew (or this process's place in it).
    void seen_as(std::optional<id128> join, time_point now);
    /// Somebody holds leases of that length.
    void note_lease(std::chrono::nanoseconds length);
    /// False: mutations wait a full lease, whoever is listed.
    bool is_settled(time_point now) const;
    std::chrono::nanoseconds lease_length() const { return length_; }
    /// The longest lease that anybody is known to hold.
    std::chrono::nanoseconds longest_lease() const;

    /// For people.
    struct status {
        bool serves_near = false;
        bool holds_lease = false;
        bool is_subscribed = false;
        bool is_listed = false;
        bool is_settled = false;
    };
    status describe(time_point now) const;

private:
    void lose(time_point now);
    void update(time_point now);
    bool may_serve() const;

    std::chrono::nanoseconds const length_;
    mutable std::mutex mutex_;
    lease held_;
    std::function<void()> empty_;  // empty: no near cache
    bool left_ = false;

    std::optional<id128> server_;
    std::optional<id128> subscribed_at_;      // the subscription's server, while it stands
    std::uint64_t subscription_ = 0;          // its number
    std::optional<time_point> ping_sent_;     // whose PONG has come
    std::optional<time_point> renewal_sent_;  // ... reply has come, in this subscription's time
    std::uint64_t renewals_ = 0;
    std::optional<id128> join_;
    std::chrono::nanoseconds longest_;
    time_point unsettled_until_;
};

}  // namespace sidecache::store
