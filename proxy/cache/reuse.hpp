#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/near_entry.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/store/entry_codec.hpp"
#include "rules/decision.hpp"
#include "rules/http_cache/freshness.hpp"

#include <optional>

/// Time and the client's wishes, once an entry is known to be valid: rules/http_cache applied to
/// what is stored. Pure, the times come in.
namespace sidecache::cache {

/// What a judged entry is worth to a request.
struct answerable {
    rules::http_cache::reuse how = rules::http_cache::reuse::validate;
    /// What is left of its freshness, seconds; negative when it is stale.
    std::int64_t ttl = 0;
    /// It never is fresh: every use asks the backend, and nobody waits for anybody's asking.
    bool never_fresh = false;

    bool is_yes() const { return how != rules::http_cache::reuse::validate; }
};

/// Whether an entry that is `hit` or `stale` may answer (RFC 9111 section 4.2); any other judgement
/// is `validate`. A stale one by what its head tells under `ttl: origin`, elsewhere by its rule.
answerable may_answer(store::entry const& e,
                      validity why,
                      rules::decision const& wanted,
                      rules::http_cache::request_directives const& asked,
                      unix_ms now);

/// The same of a near entry, which is always fresh.
bool near_may_answer(near_entry const& e,
                     rules::http_cache::request_directives const& asked,
                     boot_clock::time_point now);

/// Whether a stale entry may stand in for a backend that has failed a request (RFC 9111 section
/// 4.2.4, RFC 5861 section 4), and what is left of its freshness then.
std::optional<std::int64_t> may_stand_in(store::entry const& e,
                                         validity why,
                                         rules::decision const& wanted,
                                         rules::http_cache::request_directives const& asked,
                                         rules::http_cache::trouble what,
                                         unix_ms now);

/// Lets the order ask about a stored response instead of for a new one, where that can be
/// validated (RFC 9111 section 4.3.1): `e` is what was judged as `why`. What a purge has made
/// invalid only by a strong entity tag (protocol.md section 2). Does nothing where it is not for
/// this request, or not under `ttl: origin`.
void ask_about(fill_order& order, store::entry const& e, validity why);

/// What such an order sends once its snapshot is there: its own request while the stored response
/// is still what it was; where a write has come between (it is not valid under the snapshot, or
/// there is none), one that asks by a strong entity tag, or not about it at all.
struct asking {
    http::request_head request;
    bool is_conditional = false;
};
asking ask_now(fill_order const& order, store::fill_ground const* snapshot, moment const& at);

}  // namespace sidecache::cache
