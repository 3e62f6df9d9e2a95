#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/handoff.hpp"
#include "proxy/http/message.hpp"
#include "proxy/upstream/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace sidecache::cache {

/// The upstream's part of a mutation: the request goes out once and never again (protocol.md
/// section 3.4), its response is held back up to a limit. One worker only.
class mutation_exchange {
public:
    struct settings {
        std::chrono::milliseconds timeout{0};     ///< upstream.timeout
        std::chrono::nanoseconds renew_every{0};  ///< markers, while a long upload goes on
        std::size_t max_held = 0;                 ///< limits.max_mutation_response
    };
    /// `head` as `prepare_upstream_request` made it; `body` is what was read of its content, and
    /// `rest` where more of it comes from; null: that is all. References outlive this.
    mutation_exchange(upstream::client& up,
                      http::request_head head,
                      std::string_view body,
                      handoff* rest,
                      settings how);

    enum class step {
        renewal_due,  ///< the content is still on its way: renew the markers, then `run` again
        answered,     ///< `head` and `content` are here
        failed,       ///< `why`; `sent` tells whether the upstream may have acted
    };
    task<step> run();

    http::response_head head;
    std::string content;     ///< all of it, unless too_large or cut_short
    bool too_large = false;  ///< `content` is its beginning
    bool cut_short = false;  ///< the connection broke in mid-content
    upstream::failure why = upstream::failure::none;
    bool sent = true;
    std::chrono::nanoseconds took{0};  ///< from the first byte to the final head

    /// After `too_large`: hands on `content` and everything behind it. True: it was whole. Reads
    /// to the end also when the receiver is gone: the upstream is not to be disturbed.
    task<bool> stream(handoff& out);

private:
    task<upstream::failure> send();
    task<step> read_answer();
    step fail(upstream::failure f);

    upstream::client& client_;
    http::request_head request_;
    std::string_view body_;
    handoff* rest_;
    settings how_;
    std::unique_ptr<upstream::exchange> exchange_;
    std::chrono::steady_clock::time_point began_{};
    std::chrono::steady_clock::time_point renew_at_{};
};

}  // namespace sidecache::cache
