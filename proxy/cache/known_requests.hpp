#pragma once

#include "proxy/cache/near_entry.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules {
struct rule;
}

namespace sidecache::cache {

/// Requests that come again byte for byte, with the near entry that answered them: what a parser
/// and the rules make of a head follows from its bytes, the configuration and who was verified, so
/// that the same bytes under the same configuration, where nobody is to be verified, need neither
/// again. Whether the entry may still be served is another matter, which `near_cache` is asked each
/// time (`find_again`).
///
/// A table of sets of four, one set for each hash: what comes for the second time takes a place in
/// its set, of one that was not asked for since it was last challenged, if there is such a one. A
/// head that never repeats (a trace id in it is enough) costs a hash and a mark. One worker only.
class known_requests {
public:
    struct known {
        /// Of the request: the whole head.
        std::string bytes;
        std::uint64_t snapshot = 0;
        near_name entry;
        rules::rule const* rule = nullptr;
        std::string key;
        /// The answer's head as it was rendered last, for these seconds.
        std::string head;
        std::uint64_t age = 0;
        std::int64_t ttl = 0;

    private:
        friend class known_requests;
        std::size_t weight_ = 0;
        bool is_used_ = false;
    };

    /// `most_bytes`: all that it may cost. `seed`: of the hash: nobody outside picks heads that
    /// meet in a place.
    known_requests(std::size_t most_bytes, std::uint64_t seed);

    /// Null: not known. Until the next `note`.
    known* find(std::string_view head) {
        if (sets_.empty()) {
            return nullptr;
        }
        auto const hash = hash_of(head);
        for (auto const& p : sets_[hash & (sets_.size() - 1)].places) {
            if (p.hash == hash && p.what && p.what->bytes == head) {
                p.what->is_used_ = true;
                return p.what.get();
            }
        }
        return nullptr;
    }
    /// Takes down that this head is answered by that entry; null: it has to come once more, or
    /// there is no place for it. Whoever calls fills in the rest.
    known* note(std::string_view head, std::string_view key);

    std::size_t bytes() const { return bytes_; }

private:
    struct place {
        std::uint64_t hash = 0;
        std::unique_ptr<known> what;
    };
    /// A cache line.
    struct alignas(64) set {
        std::array<place, 4> places;
    };

    std::uint64_t hash_of(std::string_view head) const;
    static place* place_in(set& s, std::uint64_t hash, std::string_view head);
    void clear(place& p);
    bool make_room(std::size_t weight);

    std::size_t const most_bytes_;
    std::uint64_t const seed_;
    std::vector<set> sets_;            // none until the first note
    std::vector<std::uint32_t> seen_;  // of the last head that was not known
    std::size_t bytes_ = 0;
    std::size_t hand_ = 0;  // the set where room is made next
};

}  // namespace sidecache::cache
