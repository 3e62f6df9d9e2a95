#pragma once

#include <boost/intrusive/unordered_set.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::store {

/// A hash with this process's own random seed: nobody outside picks keys that meet in a table.
std::size_t seeded_hash(std::string_view text) noexcept;

/// A hash table by text that costs one piece of memory an item: `Fields`, what the table needs, and
/// the key's bytes behind. A million cached entries mean three million of these. Addresses of items
/// and of their keys stay good until they are erased. Under its owner's lock.
template <class Fields>
class text_table {
public:
    class item : public boost::intrusive::unordered_set_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::normal_link>>,
                 public Fields {
    public:
        std::string_view key() const {
            return {reinterpret_cast<char const*>(this + 1), key_size_};
        }

    private:
        friend class text_table;
        explicit item(std::string_view key) : key_size_(static_cast<std::uint32_t>(key.size())) {
            std::memcpy(static_cast<void*>(this + 1), key.data(), key.size());
        }
        std::uint32_t key_size_;
    };

    /// What an item costs beside its key and what its fields own: itself, its bucket, and what the
    /// allocator adds.
    static constexpr std::size_t item_bytes = sizeof(item) + sizeof(void*) + 16;

    text_table() : buckets_(first_buckets), items_(bucket_traits(buckets_.data(), first_buckets)) {}
    text_table(text_table const&) = delete;
    text_table& operator=(text_table const&) = delete;
    ~text_table() { items_.clear_and_dispose(destroy); }

    std::size_t size() const { return items_.size(); }

    item* find(std::string_view key) {
        auto const at = items_.find(key);
        return at == items_.end() ? nullptr : &*at;
    }

    /// The item of that key, and whether it was made now. REQUIRES: a key below 4 GiB.
    std::pair<item&, bool> find_or_make(std::string_view key) {
        if (auto* const there = find(key); there != nullptr) {
            return {*there, false};
        }
        if (size() >= buckets_.size()) {
            grow();
        }
        auto* const made = new (::operator new(sizeof(item) + key.size())) item(key);
        items_.insert(*made);
        return {*made, true};
    }

    void erase(item& i) { items_.erase_and_dispose(items_.iterator_to(i), destroy); }

    /// Any item. REQUIRES: size() > 0.
    item& any() { return *items_.begin(); }

private:
    static constexpr std::size_t first_buckets = 16;

    struct key_of_item {
        using type = std::string_view;
        type operator()(item const& i) const { return i.key(); }
    };
    struct seeded {
        std::size_t operator()(std::string_view s) const noexcept { return seeded_hash(s); }
    };
    using table = boost::intrusive::unordered_set<item,
                                                  boost::intrusive::key_of_value<key_of_item>,
                                                  boost::intrusive::hash<seeded>,
                                                  boost::intrusive::equal<std::equal_to<>>,
                                                  boost::intrusive::power_2_buckets<true>>;
    using bucket_traits = typename table::bucket_traits;

    static void destroy(item* i) {
        i->~item();
        ::operator delete(i);
    }

    void grow() {
        std::vector<typename table::bucket_type> more(2 * buckets_.size());
        items_.rehash(bucket_traits(more.data(), more.size()));
        buckets_ = std::move(more);  // the elements stay where they are
    }

    std::vector<typename table::bucket_type> buckets_;
    table items_;
};

}  // namespace sidecache::store
