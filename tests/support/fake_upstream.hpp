#pragma once

#include "proxy/async/event.hpp"
#include "proxy/upstream/exchange.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::test {

/// An upstream without a socket: one script an exchange, in the order in which they are opened.
/// One thread.
class fake_upstream final : public upstream::client {
public:
    /// What one exchange does.
    struct reply {
        unsigned status = 200;
        http::field_list fields{};
        /// One a `read_body`.
        std::vector<std::string> body{};
        /// Content-Length is announced; otherwise chunked.
        bool length_known = true;
        upstream::failure send = upstream::failure::none;     ///< of `send` and `send_head`
        upstream::failure head = upstream::failure::none;     ///< of `read_head`
        upstream::failure content = upstream::failure::none;  ///< behind the last piece of body
        bool sent = true;                                     ///< `sent_anything`
        std::vector<unsigned> interims{};                     ///< heads before the final one
    };
    /// What one exchange was asked.
    struct request {
        upstream::repeat how = upstream::repeat::safe;
        std::chrono::milliseconds deadline{0};
        http::request_head head;
        std::string body;
        bool body_finished = false;
        std::size_t extended = 0;  ///< how often its deadline was moved
        bool aborted = false;
    };

    explicit fake_upstream(executor ex) : executor_(ex) {}

    /// Scripts the next exchange; behind the last one 200 without content answers.
    reply& then() { return replies_.emplace_back(); }
    reply& then(reply r) { return replies_.emplace_back(std::move(r)); }

    /// Every exchange opened so far.
    std::vector<std::shared_ptr<request>> requests;

    /// Requests whose head went out while the door is closed wait in `read_head` until `open_door`.
    void close_door() { open_ = false; }
    void open_door() {
        open_ = true;
        door_.notify_all();
    }

    std::unique_ptr<upstream::exchange> open(upstream::repeat how,
                                             std::chrono::milliseconds deadline) override;
    std::size_t idle() const override { return 0; }

private:
    class scripted_exchange;
    executor executor_;
    event door_{executor_};
    bool open_ = true;
    std::deque<reply> replies_;
};

}  // namespace sidecache::test
