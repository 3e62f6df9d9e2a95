#pragma once

#include "tests/backend/catalog.hpp"
#include "tests/backend/faults.hpp"
#include "tests/backend/journal.hpp"
#include "tests/backend/message.hpp"

#include <boost/json/array.hpp>

#include <atomic>

namespace backend {

/// The tests' side door, on a port of its own, so that no proxy can lead here:
///   GET/DELETE /counters     what was asked (journal::counters); forgets it
///   GET /requests            the last requests, whole
///   POST /faults             one fault as JSON: method, path, when (before|after), delayMs, hold,
///                            then (answer|hang|reset|status|truncate), status, rate, times
///   DELETE /faults           forgets all faults and lets go of what is held
///   POST /release?method=M   lets go of what is held now (of that method only)
///   GET /held?atLeast=N      waits until so many requests are held; 408 after 20 s
///   POST /seed?products=N    the demo data anew
///   GET /commits?after=N     what was committed behind number N, at most 10,000 a call, each as
///                            [number, product, version (0: deleted), organization, schema,
///                            priceCents, began ns, done ns (0: not known)], CLOCK_MONOTONIC
///   PUT /validated?on=1      says `Cache-Control: public, no-cache` of JSON answers (0: nothing)
///   PUT /gzip?on=1           compresses JSON answers for clients that accept it (0: no more)
/// Any thread.
class control {
public:
    control(
        catalog& data, faults& f, journal& j, std::atomic<bool>& gzip, std::atomic<bool>& validated)
        : data_(data), faults_(f), journal_(j), gzip_(gzip), validated_(validated) {}
    response handle(request const& r);

private:
    boost::json::array commits(request const& r);

    catalog& data_;
    faults& faults_;
    journal& journal_;
    std::atomic<bool>& gzip_;
    std::atomic<bool>& validated_;
};

}  // namespace backend
