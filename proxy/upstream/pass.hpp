#pragma once

#include "proxy/http/downstream.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/upstream/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace sidecache::upstream {

/// How a request is passed on. What is pointed to outlives the call.
struct pass_options {
    /// Without progress for that long, the exchange is given up (504 when no answer has begun).
    std::chrono::milliseconds deadline{30'000};
    /// `safe` counts only for a request without content: a streamed one cannot be sent again.
    repeat how = repeat::never;
    /// Goes into the answer, after the upstream's own fields: Cache-Status.
    std::span<rules::field const> extra{};
    /// What to send, as `prepare_upstream_request` made it. Null: made here, from `how_it_came`.
    http::request_head const* head = nullptr;
    /// Null: the client's address and `fallback_host`.
    http::arrival const* how_it_came = nullptr;
    /// Content that was read from the client already, before whatever it has yet to send.
    std::string_view read_before{};
    /// There is no more than `read_before`.
    bool read_all = false;
    /// Host for an HTTP/1.0 request that named none.
    std::string_view fallback_host{};
    /// Gets the upstream's final head as it came, when there is one; null: nobody asks.
    http::response_head* seen = nullptr;
};

struct pass_outcome {
    /// What the client got; 0: nothing (it had gone away).
    unsigned status = 0;
    /// The upstream's part: `none`, or why the answer is a 502 or 504 or was broken off.
    failure why = failure::none;
    /// From the first byte sent to the upstream's final head (time to its answer).
    std::chrono::nanoseconds upstream{0};
    /// Content bytes sent to the client.
    std::uint64_t bytes = 0;
};

/// Passes a request to the upstream and its answer back, piece by piece: no content is kept. Both
/// directions run at once, so that an early answer to a big upload arrives; interim answers (103)
/// and 101 tunnels go through. Answers the client in every case, with 502 or 504 when the upstream
/// fails before its head, with 400, 408 or 413 when the request's content does. An answer that
/// breaks off in mid-content is broken off towards the client, too. Throws nothing.
task<pass_outcome> pass(http::downstream& client, upstream::client& up, pass_options options);

}  // namespace sidecache::upstream
