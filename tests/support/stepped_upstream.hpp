#pragma once

#include "proxy/async/event.hpp"
#include "proxy/upstream/exchange.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::test {

/// An upstream without a socket whose every exchange waits for the test: it answers when the test
/// says so, piece by piece, so that a test can stand between any two steps. One thread.
class stepped_upstream final : public upstream::client {
public:
    using fields = std::vector<std::pair<std::string, std::string>>;

    /// One exchange, as the test drives it. Lives on after the exchange has gone.
    class fetch {
    public:
        explicit fetch(executor ex) : moved_(ex) {}
        http::request_head request;
        upstream::repeat how = upstream::repeat::never;
        std::size_t extended = 0;  ///< how often its deadline began anew
        bool gone = false;         ///< the caller has dropped the exchange

        /// The head arrives; content follows with `body`... and `finish`. `length` nullopt:
        /// chunked.
        void head(unsigned status, fields with = {}, std::optional<std::uint64_t> length = {});
        void body(std::string_view some);
        void finish();
        /// After `head`: its content ends with the connection.
        void until_close() { head_.body = http::framing::close; }
        /// Head, content and end at once, with a Content-Length.
        void answer(unsigned status, std::string_view content, fields with = {});
        /// Fails at the next read: of the head, or of the content.
        void fail(upstream::failure why);

    private:
        friend class stepped_upstream;
        event moved_;
        bool has_head_ = false;
        http::response_head head_;
        std::deque<std::string> pieces_;
        bool finished_ = false;
        upstream::failure why_ = upstream::failure::none;
    };

    explicit stepped_upstream(executor ex) : executor_(ex) {}

    /// Every exchange whose request went out, in order.
    std::vector<std::shared_ptr<fetch>> fetches;
    std::size_t count() const { return fetches.size(); }
    fetch& operator[](std::size_t i) { return *fetches.at(i); }

    /// Whatever is under way breaks, and nothing gets through any longer.
    void shut();

    std::unique_ptr<upstream::exchange> open(upstream::repeat how,
                                             std::chrono::milliseconds deadline) override;
    std::size_t idle() const override { return 0; }

private:
    class stepped_exchange;
    executor executor_;
    bool shut_ = false;
};

}  // namespace sidecache::test
