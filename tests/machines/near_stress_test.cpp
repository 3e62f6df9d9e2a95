// Two workers with a near cache each, a writer, and a store between them, as fast as they can: no
// read that begins after a write has been answered brings what was before it (protocol.md, P1), and
// nobody sees time go back (P2). Made for the thread sanitizer, too.
#include "tests/machines/near_world.hpp"

#include <atomic>
#include <mutex>
#include <thread>

using namespace sidecache;
using namespace sidecache::test;

namespace {

constexpr std::size_t products = 8;

/// One product: its row in the database, its tag and its entry in the store.
struct alignas(64) product {
    std::mutex mutex;
    std::uint64_t row = 1;
    std::uint64_t generation = 1;
    bool marked = false;
    std::uint64_t entry = 0;  // the version in the stored entry; 0: none
    std::uint64_t entry_generation = 0;
    std::string tag;
    std::string target;
    /// The newest version that any client has been told of.
    std::atomic<std::uint64_t> told{1};

    /// A read of the store: the version, 0 for a miss, which is then filled.
    std::uint64_t read() {
        std::scoped_lock const guard(mutex);
        return !marked && entry_generation == generation ? entry : 0;
    }
    std::uint64_t fill() {
        std::uint64_t snapshot = 0;
        std::uint64_t fetched = 0;
        {
            std::scoped_lock const guard(mutex);
            snapshot = marked ? 0 : generation;
            fetched = row;
        }
        std::scoped_lock const guard(mutex);
        if (snapshot != 0) {
            entry = fetched;
            entry_generation = snapshot;
        }
        return fetched;
    }
};

void raise(std::atomic<std::uint64_t>& to, std::uint64_t version) {
    auto present = to.load();
    while (present < version && !to.compare_exchange_weak(present, version)) {
    }
}

}  // namespace

TEST_CASE("two workers, a writer and a clearer: nobody reads what a write has made stale") {
    near_world shared;  // its tags and its lease are everybody's, its cache is nobody's
    shared.lease.grant_for_ever();
    std::array<product, products> all;
    for (std::size_t i = 0; i < products; ++i) {
        all[i].tag = "product:" + std::to_string(i) + "*";
        all[i].target = "/products/" + std::to_string(i);
    }
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> stale{0};
    std::atomic<std::uint64_t> near_hits{0};

    auto const work = [&](std::size_t seed) {
        near_world own;
        cache::near_cache near(256 << 10, shared.tags, shared.lease, shared.totals);
        std::uint64_t random = seed;
        while (!over.load(std::memory_order_relaxed)) {
            random = random * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
            auto& p = all[(random >> 33) % products];
            auto const wanted = own.ask(p.target);
            auto const at_least = p.told.load();
            std::uint64_t got = 0;
            if (auto const found = near.find(wanted.wanted, wanted.view(), 1, own.now);
                found.is_hit) {
                got = std::stoull(std::string(found.entry->body()));
                near_hits.fetch_add(1, std::memory_order_relaxed);
            } else {
                auto const since = near.ticket();
                got = p.read();
                if (got != 0) {
                    auto read = own.begin_read(p.target, {.body = std::to_string(got)});
                    near.insert({own.now,
                                 since,
                                 read.entry,
                                 read.by,
                                 read.tags,
                                 read.asked.wanted,
                                 1,
                                 own.system_now});
                } else {
                    got = p.fill();
                }
            }
            stale += got < at_least ? 1U : 0U;
            raise(p.told, got);
        }
    };
    std::thread first(work, 1);
    std::thread second(work, 2);
    std::thread clearer([&] {
        while (!over.load(std::memory_order_relaxed)) {
            shared.tags.clear();
            std::this_thread::yield();
        }
    });
    // On a busy machine four thousand writes may be over before a reader has had its turn.
    for (std::uint64_t n = 0; n < 4'000 || near_hits.load() == 0; ++n) {
        auto& p = all[n % products];
        {
            std::scoped_lock const guard(p.mutex);
            p.marked = true;  // begin
        }
        shared.drop(p.tag);
        std::uint64_t version = 0;
        {
            std::scoped_lock const guard(p.mutex);
            version = ++p.row;  // the upstream commits
        }
        {
            std::scoped_lock const guard(p.mutex);
            ++p.generation;  // end
            p.marked = false;
        }
        raise(p.told, version);  // the client has its answer
        if (n % 16 == 0) {
            std::this_thread::yield();
        }
    }
    over = true;
    first.join();
    second.join();
    clearer.join();
    CHECK(stale.load() == 0);
    CHECK(near_hits.load() > 0);
}
