#include "proxy/identity/table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sidecache::identity {

table::table(std::size_t max) : most_(std::max<std::size_t>(1, max / shard_count)) {}

// SHA-256 is as good a hash as there is: eight bytes of it, others than those that choose the
// shard.
std::size_t table::hasher::operator()(rules::credential_hash const& h) const {
    std::size_t out = 0;
    std::memcpy(&out, h.data(), sizeof out);
    return out;
}

std::optional<table::known> table::find(rules::credential_hash const& of,
                                        boot_clock::time_point now) {
    auto& s = shard_of(of);
    std::lock_guard const lock(s.mutex);
    auto const place = s.places.find(of);
    if (place == s.places.end() || place->second->until <= now) {
        return std::nullopt;
    }
    s.entries.splice(s.entries.begin(), s.entries, place->second);
    return known{place->second->who};
}

void table::put(rules::credential_hash const& of,
                std::shared_ptr<verified const> who,
                boot_clock::time_point until) {
    auto& s = shard_of(of);
    std::lock_guard const lock(s.mutex);
    auto const [place, is_new] = s.places.try_emplace(of);
    if (is_new) {
        place->second = s.entries.emplace(s.entries.begin());
        place->second->of = of;
    } else {
        s.entries.splice(s.entries.begin(), s.entries, place->second);
    }
    place->second->who = std::move(who);
    place->second->until = until;
    while (s.entries.size() > most_) {
        s.places.erase(s.entries.back().of);
        s.entries.pop_back();
    }
}

std::size_t table::size() const {
    std::size_t out = 0;
    for (auto const& s : shards_) {
        std::lock_guard const lock(s.mutex);
        out += s.entries.size();
    }
    return out;
}

}  // namespace sidecache::identity
