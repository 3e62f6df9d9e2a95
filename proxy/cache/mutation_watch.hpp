#pragma once

#include "proxy/async/clock.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

namespace sidecache::cache {

/// Which mutations of this process are under way, for whoever has to outwait them: a reload, whose
/// rules may name tags that they have not marked (protocol.md section 3.8). Any thread.
class mutation_watch {
public:
    using pass = std::shared_ptr<void const>;

    /// Held by a mutation from before its begin until its marks are off.
    pass enter() {
        std::scoped_lock const guard(mutex_);
        return present_;
    }
    /// Whoever enters from now on does not count; the others are over when this has expired.
    std::weak_ptr<void const> turn() {
        std::scoped_lock const guard(mutex_);
        return std::exchange(present_, std::make_shared<char const>());
    }
    /// A mutation ends without knowing what became of it: until then it may be carried out, and its
    /// marks stand.
    void leaves_marks(boot_clock::time_point until) {
        std::scoped_lock const guard(mutex_);
        marked_until_ = std::max(marked_until_, until);
    }
    boot_clock::time_point marked_until() const {
        std::scoped_lock const guard(mutex_);
        return marked_until_;
    }

private:
    mutable std::mutex mutex_;
    pass present_ = std::make_shared<char const>();
    boot_clock::time_point marked_until_{};
};

}  // namespace sidecache::cache
