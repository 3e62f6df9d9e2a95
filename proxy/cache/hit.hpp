#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/near_entry.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/http/message.hpp"
#include "proxy/store/entry_codec.hpp"
#include "rules/cache_status.hpp"

#include <string>
#include <string_view>

/// An answer made of an entry: the stored head, ready but for what depends on the moment, and the
/// body where it lies. Pure but for the sockets behind `downstream`.
namespace sidecache::cache {

/// "HTTP/1.1 200 OK\r\n" and the field lines that an entry keeps: everything end-to-end as the
/// upstream sent it but Age (it counts on, from `entry_to_store::initial_age`); Content-Length of
/// the whole body, so that a chunked response is stored with a length; Date, made up from `now`
/// when the upstream sent none (RFC 9110 section 6.6.1). Without the empty line.
std::string head_to_store(http::response_head const& head, std::size_t body_size, unix_ms now);

/// The upstream's Age in seconds, 0 when it has none (RFC 9111 section 5.1).
std::uint32_t age_on_arrival(http::response_head const& head);

/// The whole head of an answer from an entry into `out`, whose capacity is reused: the stored head,
/// Age on a hit (RFC 9111 section 5.1: also on a collapsed answer that is older than its fetch),
/// Cache-Status, Connection where the client must know, the empty line.
void render_head(std::string& out,
                 store::entry const& e,
                 rules::cache_status const& status,
                 http::downstream const& client,
                 unix_ms now);

/// The same of a near entry, a hit; `now` is the reading of the clock that it was found with.
void render_head(std::string& out,
                 near_entry const& e,
                 std::string_view key,
                 http::downstream const& client,
                 boot_clock::time_point now);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(unix_ms when);

}  // namespace sidecache::cache
