#include "proxy/store/memory_map.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::store {

namespace {

/// A shard below that size would refuse ordinary entries; more shards than that serve no machine.
constexpr std::uint64_t least_shard = 16ULL << 20;
constexpr std::uint64_t most_shards = 16;
constexpr std::size_t mark_weight = 64;
/// What an entry's bytes cost beside themselves: the string, its count of owners, the allocator's.
constexpr std::size_t string_weight = 80;
/// How many past or evictable items one change looks at: the work stays bounded.
constexpr std::size_t housekeeping = 4;
constexpr std::size_t eviction_reach = 64;

std::size_t weight_of(stored_tag const& t) {
    return t.value.marks.size() * mark_weight;
}

std::size_t shard_count(std::uint64_t bytes) {
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(bytes / least_shard, 1, most_shards));
}

}  // namespace

std::size_t memory_map::shard::weight() const {
    return entries.weight() + tags.weight() + locks.weight() + indexes.weight();
}

memory_map::memory_map(std::uint64_t bytes)
    : shards_(shard_count(bytes)),
      bytes_a_shard_(static_cast<std::size_t>(bytes) / shards_.size()) {}

memory_map::shard& memory_map::shard_of(std::string_view key) {
    // The high bits: the maps inside use the low ones.
    auto const h = seeded_hash(key);
    return shards_[(h >> 40) % shards_.size()];
}

void memory_map::make_room(shard& s, unix_ms now) const {
    s.entries.drop_past(now, housekeeping);
    s.tags.drop_past(now, housekeeping);
    s.locks.drop_past(now, housekeeping);
    s.indexes.drop_past(now, housekeeping);
    auto const anything = [](auto const&) { return true; };
    auto const unmarked = [](stored_tag const& t) { return t.value.marks.empty(); };
    while (s.weight() > bytes_a_shard_) {
        if (!s.entries.evict(anything, 1) && !s.indexes.evict(anything, 1) &&
            !s.tags.evict(unmarked, eviction_reach)) {
            return;
        }
    }
}

std::shared_ptr<std::string const> memory_map::find_entry(std::string_view key, unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.entries.find(key, now);
    if (i == nullptr) {
        return nullptr;
    }
    s.entries.touch(*i);
    return i->value;
}

bool memory_map::put_entry(std::string_view key,
                           std::shared_ptr<std::string const> bytes,
                           unix_ms expires_at,
                           unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    auto const weight = bytes->size() + string_weight;
    if (weight + key.size() > bytes_a_shard_ / 2) {
        s.entries.erase(key);
        return false;
    }
    s.entries.assign(key, std::move(bytes), expires_at, weight);
    make_room(s, now);
    return true;
}

bool memory_map::remove_entry(std::string_view key) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    return s.entries.erase(key);
}

std::optional<unix_ms> memory_map::remove_entry_without(std::string_view key,
                                                        std::string_view sign,
                                                        unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.entries.find(key, now);
    if (i == nullptr) {
        return std::nullopt;
    }
    if (i->value->find(sign) != std::string::npos) {
        return i->expires_at;
    }
    s.entries.erase(key);
    return std::nullopt;
}

tag_reading memory_map::find_tag(std::string_view tag, unix_ms now) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.tags.find(tag, now);
    return i == nullptr ? tag_reading{} : read_tag(i->value.value);
}

void memory_map::change_tag(std::string_view tag, unix_ms now, tag_change const& change) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    std::optional<stored_tag> before;
    if (auto* const i = s.tags.find(tag, now); i != nullptr) {
        before = std::move(i->value);
    }
    auto after = change(std::move(before));
    auto const expires_at = after.expires_at;
    auto const weight = weight_of(after);
    s.tags.assign(tag, std::move(after), expires_at, weight);
    make_room(s, now);
}

bool memory_map::take_lock(std::string_view key, id128 token, unix_ms expires_at, unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    if (s.locks.find(key, now) != nullptr) {
        return false;
    }
    s.locks.assign(key, token, expires_at, 0);
    make_room(s, now);
    return true;
}

bool memory_map::extend_lock(std::string_view key, id128 token, unix_ms expires_at, unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.locks.find(key, now);
    if (i == nullptr || i->value != token) {
        return false;
    }
    i->expires_at = expires_at;
    s.locks.touch(*i);
    return true;
}

bool memory_map::release_lock(std::string_view key, id128 token, unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.locks.find(key, now);
    return i != nullptr && i->value == token && s.locks.erase(key);
}

bool memory_map::has_lock(std::string_view key, unix_ms now) {
    auto& s = shard_of(key);
    std::scoped_lock const guard(s.mutex);
    return s.locks.find(key, now) != nullptr;
}

void memory_map::note(std::string_view tag, std::string_view key, unix_ms expires_at, unix_ms now) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    auto* i = s.indexes.find(tag, now);
    if (i == nullptr) {
        i = &s.indexes.assign(tag, {}, expires_at, 0);
    }
    auto& index = i->value;
    index.note(key, expires_at);
    index.drop_past(now, housekeeping);
    i->expires_at = std::max(i->expires_at, expires_at);
    s.indexes.touch(*i);
    s.indexes.weigh(*i, index.weight());
    make_room(s, now);
}

bool memory_map::has_room(std::string_view tag,
                          std::string_view key,
                          std::uint64_t most,
                          unix_ms now) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.indexes.find(tag, now);
    if (i == nullptr) {
        return most > 0;
    }
    auto& index = i->value;
    // All that is past, for an exact number: each goes once, whoever asks.
    index.drop_past(now, index.size());
    s.indexes.weigh(*i, index.weight());
    return index.contains(key) || index.size() < most;
}

void memory_map::forget_noted(std::string_view tag, std::string_view key, unix_ms now) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    auto* const i = s.indexes.find(tag, now);
    if (i == nullptr || !i->value.erase(key)) {
        return;
    }
    s.indexes.weigh(*i, i->value.weight());
}

std::vector<std::string> memory_map::take_noted(std::string_view tag,
                                                std::size_t most,
                                                unix_ms now) {
    auto& s = shard_of(tag);
    std::scoped_lock const guard(s.mutex);
    std::vector<std::string> keys;
    auto* const i = s.indexes.find(tag, now);
    if (i == nullptr) {
        return keys;
    }
    auto& index = i->value;
    while (keys.size() < most && index.size() > 0) {
        keys.push_back(index.take());
    }
    if (index.size() == 0) {
        s.indexes.erase(tag);
    } else {
        s.indexes.weigh(*i, index.weight());
    }
    return keys;
}

std::size_t memory_map::weight() const {
    std::size_t sum = 0;
    for (auto const& s : shards_) {
        std::scoped_lock const guard(s.mutex);
        sum += s.weight();
    }
    return sum;
}

}  // namespace sidecache::store
