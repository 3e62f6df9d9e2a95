#include "tests/backend/faults.hpp"

#include <algorithm>

namespace backend {
namespace {

bool fits(fault const& f, request const& r, fault::moment when) {
    if (f.when != when || f.times == 0 || (f.method != "*" && f.method != r.method)) {
        return false;
    }
    return f.path.ends_with('*') ? r.path.starts_with(f.path.substr(0, f.path.size() - 1))
                                 : r.path == f.path;
}

}  // namespace

void faults::add(fault f) {
    std::lock_guard const lock(mutex_);
    list_.push_back(std::move(f));
}

void faults::clear() {
    {
        std::lock_guard const lock(mutex_);
        list_.clear();
    }
    release("");
}

void faults::release(std::string const& method) {
    std::lock_guard const lock(mutex_);
    for (auto const& [name, count] : held_) {
        if (method.empty() || method == name) {
            ++releases_[name];
        }
    }
    changed_.notify_all();
}

bool faults::wait_held(std::size_t at_least, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return count_held() >= at_least || stopped_; });
}

std::uint64_t faults::count_held() const {
    std::uint64_t n = 0;
    for (auto const& [name, count] : held_) {
        n += count;
    }
    return n;
}

std::uint64_t faults::held() const {
    std::lock_guard const lock(mutex_);
    return count_held();
}

void faults::stop() {
    std::lock_guard const lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
}

fault faults::apply(request const& r, fault::moment when) {
    std::unique_lock lock(mutex_);
    auto const at = std::find_if(list_.begin(), list_.end(), [&](fault const& f) {
        return fits(f, r, when) &&
               (f.rate >= 1 || std::uniform_real_distribution<>()(chance_) < f.rate);
    });
    if (at == list_.end()) {
        return {};
    }
    at->times -= at->times > 0 ? 1 : 0;
    fault f = *at;  // a copy: the list may change while this waits
    if (f.hold || f.then == fault::ending::hang) {
        auto& releases = releases_[r.method];
        auto const seen = releases;
        ++held_[r.method];
        changed_.notify_all();
        changed_.wait(lock, [&] { return releases != seen || stopped_; });
        --held_[r.method];
        changed_.notify_all();
    }
    if (f.delay.count() > 0) {
        changed_.wait_for(lock, f.delay, [&] { return stopped_; });
    }
    return f;
}

}  // namespace backend
