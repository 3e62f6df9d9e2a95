#include "proxy/store/conversation.hpp"

#include "proxy/store/server_greeting.hpp"
#include "proxy/store/tls.hpp"

#include <boost/asio/write.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

/// Of one reply: far more than a Sentinel or INFO has to say.
constexpr std::size_t most = 1UL << 20;

}  // namespace

conversation::conversation(stream& on) : on_(on), reader_(most) {}

task<result<void, connect_error>> conversation::say(std::string commands) {
    auto [ec, n] = co_await asio::async_write(on_, asio::buffer(commands), as_tuple);
    (void)n;
    if (ec) {
        co_return connect_error{store_error::unreachable, describe_break(ec)};
    }
    co_return result<void, connect_error>();
}

std::string conversation::hint() const {
    return has_heard_ || on_.is_secure() ? "" : " (is it a TLS port, rediss://?)";
}

task<result<resp_tree, connect_error>> conversation::hear() {
    std::array<char, 4096> room{};
    for (;;) {
        resp_tree reply;
        auto const status = reader_.next(reply);
        if (status == tree_reader::status::complete) {
            has_heard_ = true;
            co_return reply;
        }
        if (status != tree_reader::status::partial) {
            co_return connect_error{store_error::malformed,
                                    "what the server sent is not the Redis protocol" + hint()};
        }
        auto const buffer = asio::buffer(room);
        auto [ec, n] = co_await on_.async_read_some(buffer, as_tuple);
        if (ec) {
            co_return connect_error{store_error::unreachable, describe_break(ec) + hint()};
        }
        reader_.feed(std::string_view(room.data(), n));
    }
}

task<result<void, connect_error>> conversation::hear_greeting(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto const reply = co_await hear();
        if (!reply) {
            co_return reply.error();
        }
        bool const is_auth = i + 1 < count;
        if (is_auth && reply->is_error()) {
            co_return failed(store_error::refused, reply->text);
        }
    }
    co_return result<void, connect_error>();
}

}  // namespace sidecache::store
