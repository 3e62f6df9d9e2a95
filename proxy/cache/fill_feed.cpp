#include "proxy/cache/fill_feed.hpp"

#include <algorithm>

namespace sidecache::cache {

task<void> fill_feed::begun() {
    while (at == stage::pending) {
        co_await changed_.wait();
    }
}

task<bool> fill_feed::next_interim(http::response_head& out) {
    while (at == stage::pending && interims_taken_ == interims_.size()) {
        co_await changed_.wait();
    }
    if (interims_taken_ == interims_.size()) {
        co_return false;
    }
    out = interims_[interims_taken_++];
    co_return true;
}

void fill_feed::tell_interim(http::response_head const& early) {
    if (interims_.size() < most_interims && !reader_gone_) {
        interims_.push_back(early);
        changed_.notify_all();
    }
}

task<void> fill_feed::take(std::string& out, std::size_t limit) {
    out.clear();
    while (taken_ == content_.size() && !complete_ && !broken_) {
        co_await changed_.wait();
    }
    out.assign(content_, taken_, std::min(limit, content_.size() - taken_));
    taken_ += out.size();
    if (!keeping_ && taken_ == content_.size()) {
        content_.clear();
        taken_ = 0;
        changed_.notify_all();
    }
}

void fill_feed::reader_gone() {
    reader_gone_ = true;
    changed_.notify_all();
}

void fill_feed::announce(stage s) {
    at = s;
    changed_.notify_all();
}

void fill_feed::append(std::string_view some) {
    content_.append(some);
    changed_.notify_all();
}

void fill_feed::stop_keeping() {
    keeping_ = false;
}

task<void> fill_feed::drained() {
    while (taken_ != content_.size() && !reader_gone_) {
        co_await changed_.wait();
    }
}

void fill_feed::complete() {
    complete_ = true;
    changed_.notify_all();
}

void fill_feed::close() {
    broken_ = !complete_;
    if (at == stage::pending) {
        at = stage::failed;
        why = upstream::failure::broken;
    }
    changed_.notify_all();
}

}  // namespace sidecache::cache
