#pragma once

#include "proxy/store/resp_reader.hpp"
#include "proxy/store/store.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::store {

/// Many callers' commands over one connection, as a machine without I/O: batches wait, are written
/// together, and are answered in order (RESP has no request ids: order is all there is).
///
/// A batch whose deadline passes is over for its caller; its place in the order stays, and its late
/// replies are taken and dropped there, so that nobody gets another's. A server that stays silent
/// for `patience` beyond a deadline has stalled: the connection is then given up.
///
/// `Waiter`: who waits for a batch, handed back with its outcome. One connection's; one thread.
template <class Waiter>
class pipeline {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;

    struct outcome {
        Waiter waiter;
        store_error error = store_error::ok;
        reply_set replies;
    };

    /// `most_waiting`: bytes that may wait to be written before further batches are refused.
    pipeline(duration patience, std::size_t most_waiting)
        : patience_(patience), most_waiting_(most_waiting) {}

    /// Where the next batch's commands are appended, right before `submit`.
    std::string& waiting() { return waiting_; }
    bool is_full() const { return waiting_.size() > most_waiting_; }
    /// Takes the commands appended since the last call as one batch of `commands` replies.
    void submit(std::size_t commands, time_point deadline, Waiter waiter) {
        batches_.push_back({commands, deadline, std::move(waiter), spare_set()});
    }

    bool has_output() const { return !waiting_.empty(); }
    /// Swaps everything that waits into `out`, which is emptied first.
    void take_output(std::string& out) {
        out.clear();
        out.swap(waiting_);
    }

    std::span<char> prepare() { return reader_.prepare(); }
    void commit(std::size_t n) { reader_.commit(n); }
    /// After `commit`, until it returns nullopt: the next batch that has all its replies.
    std::optional<outcome> next() {
        while (!broken_ && !batches_.empty()) {
            switch (reader_.next(batches_.front().replies)) {
                case resp_reader::status::partial:
                    return std::nullopt;
                case resp_reader::status::broken:
                    broken_ = true;
                    return std::nullopt;
                case resp_reader::status::complete:
                    break;
            }
            if (auto done = finish_front()) {
                return done;
            }
        }
        // Bytes that nobody asked for: the order is lost.
        broken_ = broken_ || !reader_.is_idle();
        return std::nullopt;
    }
    /// The bytes were no replies, or one too many: close the connection.
    bool is_broken() const { return broken_; }

    /// When `expire` has to be called next; nullopt: nothing is under way.
    std::optional<time_point> next_deadline() const {
        std::optional<time_point> first;
        for (auto const& b : batches_) {
            if (b.waiter && (!first || b.deadline < *first)) {
                first = b.deadline;
            }
        }
        if (!batches_.empty()) {
            auto const given_up = batches_.front().deadline + patience_;
            first = first ? std::min(*first, given_up) : given_up;
        }
        return first;
    }
    /// Ends the batches whose deadline has passed.
    void expire(time_point now, std::vector<outcome>& over) {
        for (auto& b : batches_) {
            if (b.waiter && b.deadline <= now) {
                over.push_back({std::move(*b.waiter), store_error::timeout, {}});
                b.waiter.reset();
            }
        }
    }
    bool has_stalled(time_point now) const {
        return !batches_.empty() && batches_.front().deadline + patience_ <= now;
    }

    /// The connection is gone: ends every batch.
    void fail(store_error why, std::vector<outcome>& over) {
        for (auto& b : batches_) {
            if (b.waiter) {
                over.push_back({std::move(*b.waiter), why, {}});
            }
        }
        batches_.clear();
        waiting_.clear();
    }

    std::size_t size() const { return batches_.size(); }
    /// Gives a set back for reuse: its buffers have grown to what is usual.
    void recycle(reply_set set) {
        if (spare_.size() < most_spare) {
            set.clear();
            spare_.push_back(std::move(set));
        }
    }

private:
    struct batch {
        std::size_t commands;
        time_point deadline;
        std::optional<Waiter> waiter;  // empty: over for its caller
        reply_set replies;
    };
    static constexpr std::size_t most_spare = 64;

    reply_set spare_set() {
        if (spare_.empty()) {
            return {};
        }
        auto set = std::move(spare_.back());
        spare_.pop_back();
        return set;
    }
    std::optional<outcome> finish_front() {
        auto& front = batches_.front();
        if (front.replies.size() < front.commands) {
            return std::nullopt;
        }
        std::optional<outcome> done;
        if (front.waiter) {
            done.emplace(
                outcome{std::move(*front.waiter), store_error::ok, std::move(front.replies)});
        } else {
            recycle(std::move(front.replies));
        }
        batches_.pop_front();
        return done;
    }

    duration patience_;
    std::size_t most_waiting_;
    std::string waiting_;
    std::deque<batch> batches_;
    resp_reader reader_;
    std::vector<reply_set> spare_;
    bool broken_ = false;
};

}  // namespace sidecache::store
