#include "proxy/cache/hit.hpp"
#include "proxy/cache/miss.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "rules/cache_status.hpp"

#include <utility>

/// A request's look at the store, around the one `co_await` of the hit path.
namespace sidecache::cache {

stored_response view_of(store::entry const& e, unix_ms now) {
    return {e.status, e.head, e.body, e.age_seconds(now)};
}

moment now_for(snapshot const& snap, bool pending_purge) {
    moment at;
    at.now = system_now_ms();
    at.boot = boot_clock::now();
    at.lease = snap.config->near_cache.lease;
    at.pending_purge = pending_purge;
    return at;
}

void before_read(worker_parts const& parts, lookup& at) {
    auto const& pending = parts.process.pending;
    at.pending_purge = !pending.none() && pending.covers(at.wanted.tags);
}

void after_read(result<store::reading> reading,
                snapshot const& snap,
                http::downstream const& client,
                lookup& at) {
    if (!reading) {
        at.reading.reset();
        at.why = validity::absent;
        at.use = {};
        return;
    }
    at.reading = std::move(*reading);
    auto const when = now_for(snap, at.pending_purge);
    at.now = when.now;
    at.why = judge(at.reading->entry,
                   at.reading->by,
                   at.reading->tags,
                   at.wanted,
                   client.request().view(),
                   when,
                   at.entry);
    at.use = may_answer(at.entry, at.why, at.wanted, at.directives, at.now);
}

prepared_answer render_hit(http::downstream const& client, lookup& at) {
    rules::cache_status status;
    status.fwd = rules::forwarded::no;
    status.ttl = at.use.ttl;
    status.key = at.wanted.key;
    status.detail = "store";
    return render_answer(
        at.head, at.content, view_of(at.entry, at.now), at.wanted.asks, status, client, at.now);
}

}  // namespace sidecache::cache
