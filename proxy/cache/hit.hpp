#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/near_entry.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/http/message.hpp"
#include "proxy/store/entry_codec.hpp"
#include "rules/cache_status.hpp"
#include "rules/decision.hpp"

#include <string>
#include <string_view>

/// An answer made of an entry: the stored head, ready but for what depends on the moment, and the
/// body where it lies. Pure but for the sockets behind `downstream`.
namespace sidecache::cache {

/// "HTTP/1.1 200 OK\r\n" and the field lines that an entry keeps: everything end-to-end as the
/// upstream sent it but Age (it counts on, from `entry_to_store::initial_age`) and what a proxy
/// says for itself (Proxy-Authenticate: RFC 9111 section 3.1); Content-Length of
/// the whole body, so that a chunked response is stored with a length; Date, made up from `now`
/// when the upstream sent none (RFC 9110 section 6.6.1). Without the empty line.
std::string head_to_store(http::response_head const& head, std::size_t body_size, unix_ms now);

/// The upstream's Age in seconds, 0 when it has none (RFC 9111 section 5.1).
std::uint32_t age_on_arrival(http::response_head const& head);

/// A stored response, wherever it lies. Views.
struct stored_response {
    unsigned status = 0;
    std::string_view head;
    std::string_view body;
    std::uint64_t age = 0;  ///< seconds
};
/// What `render_answer` left beside the head.
struct prepared_answer {
    unsigned status = 0;
    std::string_view body;
};

/// The answer that a request gets from a stored response: the whole of it; 304 where its conditions
/// are met; 206 or 416 where it asks for a part; the head alone for HEAD. The head goes into
/// `head`, content that has to be made (several parts) into `content`; their capacity is reused,
/// and nothing is allocated for the whole. `now`: our system clock, asked for conditions only.
prepared_answer render_answer(std::string& head,
                              std::string& content,
                              stored_response const& stored,
                              rules::demands const& asks,
                              rules::cache_status const& status,
                              http::downstream const& client,
                              unix_ms now);

/// Appends what depends on the moment to a hit's head, and the empty line.
void append_moment(std::string& head, std::uint64_t age, rules::cache_status const& status);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(unix_ms when);

}  // namespace sidecache::cache
