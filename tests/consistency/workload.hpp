#pragma once

#include "tests/consistency/cluster.hpp"
#include "tests/consistency/decode.hpp"
#include "tests/consistency/history.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace sidecache::consistency {

struct load {
    std::uint64_t seed = 1;
    unsigned readers = 2;  // a replica
    unsigned writers = 1;  // a replica
    /// About so many reads between two writes of the whole.
    unsigned reads_per_write = 60;
};

/// Readers and writers over a hot set and its lists, each at one replica, each recording what it
/// did. The seed decides what is asked for; the machine decides when.
class workload {
public:
    workload(cluster& c, load what);
    ~workload();
    workload(workload const&) = delete;
    workload& operator=(workload const&) = delete;

    /// Answers to reads so far.
    std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
    std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }

    /// Ends every thread and returns what they saw, with the backend's commits.
    history finish();

private:
    struct product {
        id number = 0;
        id organization = 0;
    };
    /// What is asked for now. Writers add to it and take from it.
    class hot_set {
    public:
        void add(product p);
        void remove(id number);
        /// The lower the number, the more often it comes.
        product pick(std::mt19937_64& chance) const;

    private:
        mutable std::mutex mutex_;
        std::vector<product> products_;
    };
    struct client;

    void read(unsigned replica, std::uint64_t seed, std::vector<consistency::read>& into);
    void write(unsigned replica, std::uint64_t seed, std::vector<consistency::write>& into);

    cluster& cluster_;
    load what_;
    hot_set hot_;
    content_table contents_;
    std::atomic<bool> over_{false};
    std::atomic<std::uint64_t> answered_{0}, written_{0};
    std::atomic<std::int64_t> next_price_{1'000'000};
    std::vector<std::unique_ptr<std::vector<consistency::read>>> reads_;
    std::vector<std::unique_ptr<std::vector<consistency::write>>> writes_;
    std::vector<std::thread> threads_;
};

}  // namespace sidecache::consistency
