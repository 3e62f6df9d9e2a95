#include "proxy/cache/near_cache.hpp"

#include "proxy/cache/weakness.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/storable.hpp"

// Header-only: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <random>

namespace sidecache::cache {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t first_buckets = 64;
constexpr std::size_t smalls_share = 10;  // of the bytes, one part in ten
constexpr std::size_t largest_share = 8;  // an entry, one part in eight
constexpr std::size_t known_share = 16;   // requests that are known, one part in sixteen
constexpr std::uint8_t most_hits = 3;
constexpr std::uint8_t hits_to_move_on = 2;
/// One insertion gives at most so many entries another round before one has to go.
constexpr int most_rounds = 64;
/// What an allocation costs besides what was asked for.
constexpr std::size_t allocation = 16;
/// Of `make_shared<string>`: the counts, the string itself.
constexpr std::size_t shared_string = 16 + sizeof(std::string);

/// Longer than any entry lives; a number of nanoseconds that sums of times can hold.
constexpr std::int64_t longest_ms = std::chrono::milliseconds(std::chrono::years(50)).count();

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

/// Until an intent's deadline, by our clock. The server's time is an upper estimate for a moment
/// after `asked_at`, so counting from there comes out early, never late.
boot_clock::time_point intents_end(near_cache::found const& f) {
    auto earliest = std::numeric_limits<unix_ms>::max();
    for (auto const& tag : f.tags) {
        earliest = std::min(earliest, tag.intent_deadline);
    }
    if (earliest == std::numeric_limits<unix_ms>::max()) {
        return boot_clock::time_point::max();
    }
    auto const left = earliest - std::max<unix_ms>(f.by.server_now_ms, 0);
    return f.asked_at + milliseconds(std::min(left, longest_ms));
}

}  // namespace

near_cache::near_cache(std::size_t bytes,
                       near_tags const& tags,
                       store::lease const& lease,
                       telemetry::process_metrics& totals)
    : limit_(bytes),
      tags_(tags),
      lease_(lease),
      totals_(totals),
      seed_(random_seed()),
      known_(bytes / known_share, seed_),
      buckets_(first_buckets) {
    ghosts_.resize(first_buckets);
    publish();
}

near_cache::~near_cache() {
    while (size() != 0) {
        remove(*(small_.oldest() != nullptr ? small_ : main_).oldest());
    }
    totals_.near_bytes.fetch_sub(published_bytes_, std::memory_order_relaxed);
}

std::size_t near_cache::bytes() const {
    return small_.bytes() + main_.bytes() + buckets_.size() * sizeof(near_entry*) +
           ghosts_.bytes() + known_.bytes();
}

std::uint64_t near_cache::hash_of(std::string_view full_key) const {
    return XXH3_64bits_withSeed(full_key.data(), full_key.size(), seed_);
}

/// Where the pointer to that key's entry is, or would be.
near_entry** near_cache::slot_of(std::string_view full_key, std::uint64_t hash) {
    auto** slot = &buckets_[hash & (buckets_.size() - 1)];
    while (*slot != nullptr && ((*slot)->hash_ != hash || (*slot)->full_key() != full_key)) {
        slot = &(*slot)->next_;
    }
    return slot;
}

near_cache::answer near_cache::find(rules::decision const& wanted,
                                    rules::request const& asked,
                                    std::uint64_t snapshot,
                                    boot_clock::time_point now) {
    if (!lease_.holds(now) && !weakened(weakness::ignore_lease)) {
        return {};
    }
    auto* const e = look(slot_of(wanted.full_key, hash_of(wanted.full_key)), now);
    if (e == nullptr || !e->answers(wanted, snapshot)) {
        return {};
    }
    // Also when it is another variant: whoever looks for that one comes by here.
    if (e->hits_ < most_hits) {
        ++e->hits_;
    }
    return {near_hold(*e), rules::vary_matches(e->vary_, asked)};
}

near_hold near_cache::find_again(near_name const& name, boot_clock::time_point now) {
    if (!lease_.holds(now) && !weakened(weakness::ignore_lease)) {
        return {};
    }
    auto** slot = &buckets_[name.hash & (buckets_.size() - 1)];
    while (*slot != nullptr && (*slot)->serial_ != name.serial) {
        slot = &(*slot)->next_;
    }
    auto* const e = look(slot, now);
    if (e == nullptr) {
        return {};
    }
    if (e->hits_ < most_hits) {
        ++e->hits_;
    }
    return near_hold(*e);
}

/// What lies there, if it may be served as far as tags and time tell; otherwise it goes.
near_entry* near_cache::look(near_entry** slot, boot_clock::time_point now) {
    auto* const e = *slot;
    if (e == nullptr) {
        return nullptr;
    }
    // Before the tags are looked at: a change that comes in between is looked at next time.
    if (auto const changes = tags_.changes(); changes != e->checked_) {
        if (!tags_.stands(e->since_, e->places_) && !weakened(weakness::keep_dropped)) {
            forget(slot);
            return nullptr;
        }
        e->checked_ = changes;
    }
    if (now >= e->until_) {
        forget(slot);
        return nullptr;
    }
    return e;
}

bool near_entry::answers(rules::decision const& wanted, std::uint64_t snapshot) const {
    if (snapshot_ != snapshot || rule_ != wanted.matched || tags_.size() < wanted.tags.size()) {
        return false;
    }
    // Behind those of the request stand those of its groups.
    for (std::size_t i = 0; i < wanted.tags.size(); ++i) {
        if (part(tags_[i]) != wanted.tags[i]) {
            return false;
        }
    }
    return true;
}

void near_cache::insert(found const& f) {
    if (f.entry.bytes->size() > limit_ / largest_share) {
        return;
    }
    auto made = make_entry(f);
    if (!made || made->weight_ > limit_ / largest_share) {
        return;
    }
    made->hash_ = hash_of(f.entry.full_key);
    made->serial_ = ++last_serial_;
    bool stays = false;
    if (auto** const slot = slot_of(f.entry.full_key, made->hash_); *slot != nullptr) {
        stays = (*slot)->in_main_;
        remove(slot);
    }
    grow();
    make_room(made->weight_, f.asked_at);
    made->in_main_ = stays || ghosts_.take(made->hash_, std::max(size(), first_buckets));
    queue_of(*made).push(*made);
    auto& bucket = buckets_[made->hash_ & (buckets_.size() - 1)];
    made->next_ = bucket;
    bucket = made.release();
    publish();
}

/// Null: dropped since its ticket, over already, or not to be kept at all.
std::unique_ptr<near_entry> near_cache::make_entry(found const& f) const {
    auto const left = std::min(f.entry.ttl_left_ms(f.judged_at), longest_ms);
    auto const resident = static_cast<std::int64_t>(f.entry.ttl_ms) - left;
    if (left <= 0 || f.entry.ttl_ms > static_cast<std::uint64_t>(longest_ms) || resident < 0) {
        return nullptr;
    }
    auto made = std::make_unique<near_entry>();
    auto& e = *made;
    e.bytes_ = f.entry.bytes.own();
    e.text_ = e.bytes_->data();
    auto const piece_of = [&](std::string_view text) {
        return near_entry::piece{static_cast<std::uint32_t>(text.data() - f.entry.bytes->data()),
                                 static_cast<std::uint32_t>(text.size())};
    };
    auto const& wanted = f.wanted.tags;
    e.tags_.reserve(wanted.size());
    e.places_.reserve(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        // A hit has every tag that its reader needs, in whatever order it was filled.
        auto const& its = f.entry.tags;
        auto const same = [&](auto const& t) { return t.tag == wanted[i]; };
        auto const found = i < its.size() && same(its[i])
                               ? its.begin() + static_cast<std::ptrdiff_t>(i)
                               : std::find_if(its.begin(), its.end(), same);
        if (found == its.end()) {
            return nullptr;
        }
        e.tags_.push_back(piece_of(found->tag));
        e.places_.push_back(near_tags::place_of(found->tag));
    }
    e.since_ = weakened(weakness::insert_blindly) ? tags_.now() : f.since;
    e.checked_ = tags_.changes();
    e.fetched_ = f.asked_at - milliseconds(resident);
    e.fresh_until_ = f.asked_at + milliseconds(left);
    e.until_ = std::min(e.fresh_until_, intents_end(f));
    if (!tags_.stands(e.since_, e.places_) || e.until_ <= f.asked_at) {
        return nullptr;
    }
    e.snapshot_ = f.snapshot;
    e.rule_ = f.wanted.matched;
    e.vary_.reserve(f.entry.vary.size());
    for (auto const& [name, value] : f.entry.vary) {
        e.vary_.emplace_back(e.part(piece_of(name)), e.part(piece_of(value)));
    }
    e.key_ = piece_of(f.entry.full_key);
    e.head_ = piece_of(f.entry.head);
    e.body_ = piece_of(f.entry.body);
    e.initial_age_ = f.entry.initial_age;
    e.status_ = static_cast<std::uint16_t>(f.entry.status);
    e.weight_ = static_cast<std::uint32_t>(
        sizeof e + e.tags_.size() * (sizeof(near_entry::piece) + sizeof(near_tags::place)) +
        e.vary_.size() * sizeof e.vary_[0] + e.bytes_->capacity() + shared_string + 6 * allocation);
    return made;
}

bool near_cache::is_dead(near_entry const& e, boot_clock::time_point now) const {
    return now >= e.until_ || !tags_.stands(e.since_, e.places_);
}

void near_cache::remove(near_entry** slot) {
    auto* const e = *slot;
    *slot = e->next_;
    queue_of(*e).remove(*e);
    e->gone_ = true;
    if (e->holders_ == 0) {
        delete e;
    }
}

/// Dropped or over, and asked for: what was in the main queue comes back there.
void near_cache::forget(near_entry** slot) {
    if ((*slot)->in_main_) {
        ghosts_.note((*slot)->hash_);
    }
    remove(slot);
    publish();
}

void near_cache::remove(near_entry& e) {
    auto** slot = &buckets_[e.hash_ & (buckets_.size() - 1)];
    while (*slot != &e) {
        slot = &(*slot)->next_;
    }
    remove(slot);
}

void near_cache::make_room(std::size_t wanted, boot_clock::time_point now) {
    while (size() != 0 && bytes() + wanted > limit_) {
        if (small_.bytes() > limit_ / smalls_share || main_.size() == 0) {
            evict_from_small(now);
        } else {
            evict_from_main(now);
        }
    }
}

void near_cache::evict_from_small(boot_clock::time_point now) {
    auto& e = *small_.oldest();
    if (is_dead(e, now)) {
        remove(e);
        return;
    }
    if (e.hits_ < hits_to_move_on) {
        ghosts_.note(e.hash_);
        remove(e);
        return;
    }
    small_.remove(e);
    e.hits_ = 0;
    e.in_main_ = true;
    main_.push(e);
}

void near_cache::evict_from_main(boot_clock::time_point now) {
    for (int i = 0; i < most_rounds; ++i) {
        auto& e = *main_.oldest();
        if (e.hits_ == 0 || is_dead(e, now)) {
            break;
        }
        --e.hits_;
        main_.remove(e);
        main_.push(e);
    }
    remove(*main_.oldest());
}

void near_cache::grow() {
    if (size() < buckets_.size()) {
        return;
    }
    std::vector<near_entry*> larger(buckets_.size() * 2);
    for (auto* e : buckets_) {
        while (e != nullptr) {
            auto* const next = e->next_;
            auto& bucket = larger[e->hash_ & (larger.size() - 1)];
            e->next_ = bucket;
            bucket = e;
            e = next;
        }
    }
    buckets_ = std::move(larger);
    ghosts_.resize(buckets_.size());
}

void near_cache::publish() {
    auto const now_bytes = static_cast<std::int64_t>(bytes());
    auto const now_entries = static_cast<std::int64_t>(size());
    totals_.near_bytes.fetch_add(now_bytes - published_bytes_, std::memory_order_relaxed);
    totals_.near_entries.fetch_add(now_entries - published_entries_, std::memory_order_relaxed);
    published_bytes_ = now_bytes;
    published_entries_ = now_entries;
}

}  // namespace sidecache::cache
