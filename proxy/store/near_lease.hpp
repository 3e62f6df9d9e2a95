#pragma once

#include "proxy/async/clock.hpp"

namespace sidecache::store {

/// The right to serve from memory (protocol.md section 4), as the hit path sees it. Any thread.
///
/// A hit reads the clock first, asks this second, and looks at what was dropped last
/// (`cache::near_tags`), in that order. Then, if it held: what had been dropped or cleared before
/// this very lease was granted is seen by the last step, since whoever grants has dropped before;
/// and a mutation that ended later than the first step has ended after this read began. The other
/// way round a lease that had lapsed and was granted anew, after everything was emptied, could
/// vouch for what was looked at before that.
class near_lease {
public:
    virtual bool holds(boot_clock::time_point now) const noexcept = 0;

protected:
    ~near_lease() = default;
};

/// `memory://`: there is nobody else.
class always_holds final : public near_lease {
public:
    bool holds(boot_clock::time_point) const noexcept override { return true; }
};

/// Nothing is served from memory.
class never_holds final : public near_lease {
public:
    bool holds(boot_clock::time_point) const noexcept override { return false; }
};

}  // namespace sidecache::store
