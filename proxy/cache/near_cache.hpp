#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/known_requests.hpp"
#include "proxy/cache/near_entry.hpp"
#include "proxy/cache/near_queue.hpp"
#include "proxy/cache/near_tags.hpp"
#include "proxy/store/lease.hpp"
#include "proxy/store/store.hpp"
#include "rules/decision.hpp"
#include "rules/request.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sidecache::store {
struct entry;
}
namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache::cache {

/// Hot entries in the memory of one worker (design.md section 5, protocol.md section 4). One worker
/// only: nothing is locked. What makes other threads' drops felt is `near_tags`; what makes a
/// silent replica harmless is the lease.
///
/// A hit is one look at the clock, the lease, the table, the full key, the tags and the varied
/// fields, and at one counter of drops. Nothing is allocated.
///
/// **The order matters**: pending purges and the clock first, then the lease, then what was
/// dropped. Such a read is as if all of it had happened at the clock. A mutation that had ended by
/// then had waited for this replica's drop, which the last step sees since drops stay, or for its
/// lease, which the second step sees; one that ends later ends after this read began. And a lease
/// that is granted after everything was emptied vouches only for what is looked at after the
/// emptying, since whoever sees the grant sees that, too. The other way round, drops first and the
/// lease (or the pending purges) after a pause, would let it vouch for a look of before: the lease
/// lapses, a mutation ends, all is emptied, a new lease is granted, and the old look goes out.
///
/// **Eviction** is S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache
/// eviction", SOSP 2023, algorithm 1): what comes in waits in a small queue, a tenth of the bytes;
/// what was asked for at least twice there moves on to the main queue; what was not leaves, and is
/// remembered for a while: back in that time it goes to the main queue at once. The main queue
/// gives whatever was asked for since another round. So a crawler that asks once for each of a
/// million products washes through the tenth and leaves the rest alone; SIEVE, with a single queue,
/// lets a scan pass through everything and is no scan-resistant policy by its authors' own words.
/// And a hit only counts (in one byte, up to three): no list is relinked, unlike LRU's.
///
/// **Admission** is therefore at the first hit in the store: the small queue is the trial, and a
/// second filter before it would keep a hot key of a quiet worker out for one more round trip each.
/// What is larger than an eighth of the bytes does not come in at all.
///
/// **Bytes** are all that an entry costs: the reply it keeps alive, itself, its tags, its share of
/// the tables. What has left while it is being written counts no more; its request holds it.
class near_cache {
public:
    /// `bytes`: this worker's share of near_cache.size. All references outlive it.
    near_cache(std::size_t bytes,
               near_tags const& tags,
               store::lease const& lease,
               telemetry::process_metrics& totals);
    near_cache(near_cache const&) = delete;
    near_cache& operator=(near_cache const&) = delete;
    ~near_cache();

    /// Before a store read is sent: what its reply must be inserted under.
    near_tags::ticket ticket() const { return tags_.now(); }

    struct answer {
        /// Empty: nothing valid lies under that key.
        near_hold entry;
        /// It may be served; otherwise it is valid but for its varied fields (`near_entry::vary`).
        bool is_hit = false;
    };
    /// What lies under the full key of that request. `now` was read after the request came,
    /// `snapshot` numbers the configuration that decided. Asks neither pending purges (the caller
    /// does, before) nor the store.
    answer find(rules::decision const& wanted,
                rules::request const& asked,
                std::uint64_t snapshot,
                boot_clock::time_point now);

    /// The entry of that name, where it is still held and valid. For a request that it was a hit
    /// for under the same configuration: neither key nor tags nor varied fields are compared. As
    /// with `find`, pending purges are asked before, and `now` was read after the request came.
    near_hold find_again(near_name const& name, boot_clock::time_point now);
    /// Requests that were hits here. Their bytes are among `bytes()`, a sixteenth of them at most.
    known_requests& known() { return known_; }

    /// What is held for that key, whether or not it may still be served; null: nothing. Until the
    /// next call.
    near_entry const* peek(std::string_view full_key) {
        return *slot_of(full_key, hash_of(full_key));
    }

    /// A reading of the store that was judged a hit.
    struct found {
        /// Taken, in this order, before the read was sent.
        boot_clock::time_point asked_at;
        near_tags::ticket since = 0;
        store::entry const& entry;
        store::answered_by const& by;
        std::span<store::tag_reading const> tags;  // of `wanted.tags`
        rules::decision const& wanted;
        std::uint64_t snapshot = 0;
        unix_ms judged_at = 0;  // our system clock
    };
    /// Keeps it, unless one of its tags was dropped since its ticket, or it is too large, or its
    /// time is as good as over. In place of what lay there.
    void insert(found const& f);

    std::size_t bytes() const;
    std::size_t size() const { return small_.size() + main_.size(); }

private:
    near_entry* look(near_entry** slot, boot_clock::time_point now);
    near_entry** slot_of(std::string_view full_key, std::uint64_t hash);
    std::uint64_t hash_of(std::string_view full_key) const;
    bool is_dead(near_entry const& e, boot_clock::time_point now) const;
    std::unique_ptr<near_entry> make_entry(found const& f) const;
    near_queue& queue_of(near_entry const& e) { return e.in_main_ ? main_ : small_; }
    /// Takes it out of table and queue; its last holder frees it.
    void remove(near_entry** slot);
    void remove(near_entry& e);
    void forget(near_entry** slot);
    void make_room(std::size_t wanted, boot_clock::time_point now);
    void evict_from_small(boot_clock::time_point now);
    void evict_from_main(boot_clock::time_point now);
    void grow();
    void publish();

    std::size_t const limit_;
    near_tags const& tags_;
    store::lease const& lease_;
    telemetry::process_metrics& totals_;
    std::uint64_t const seed_;  // of the table's hash: nobody outside picks keys that meet in it
    known_requests known_;
    std::uint64_t last_serial_ = 0;
    std::vector<near_entry*> buckets_;
    near_queue small_;
    near_queue main_;
    near_ghosts ghosts_;
    std::int64_t published_bytes_ = 0;
    std::int64_t published_entries_ = 0;
};

}  // namespace sidecache::cache
