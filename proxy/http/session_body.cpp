// The request's content, as the handler reads it.
#include "proxy/http/session.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <cassert>

namespace sidecache::http {

namespace {

/// Chunked content is read in pieces of this size, whatever the caller's buffer.
constexpr std::size_t chunked_read = 16 << 10;

error_code error_of(content_reader::trouble bad) {
    namespace errc = boost::system::errc;
    return bad == content_reader::trouble::too_large ? errc::make_error_code(errc::message_size)
                                                     : errc::make_error_code(errc::protocol_error);
}

}  // namespace

result<std::size_t> session::body_failed(error_code why) {
    body_error_ = why;
    return why;
}

task<result<std::size_t>> session::read_body(asio::mutable_buffer out) {
    assert(out.size() != 0 && "there is no reading into nothing");
    if (body_error_) {
        co_return body_error_;
    }
    if (content_.complete()) {
        co_return std::size_t{0};
    }
    if (continue_ == interim_state::waiting) {
        if (answer_ != answer_state::none) {
            // The answer has gone out instead of the 100: the client need not send anything.
            co_return body_failed(asio::error::operation_aborted);
        }
        auto const failed = co_await send_continue();
        if (failed) {
            co_return body_failed(failed);
        }
    }
    std::span<char> const place(static_cast<char*>(out.data()), out.size());
    for (;;) {
        auto const step = content_.put(buffer_.data(), place);
        buffer_.consume(step.consumed);
        if (step.bad != content_reader::trouble::none) {
            co_return body_failed(error_of(step.bad));
        }
        if (step.produced != 0 || content_.complete()) {
            co_return step.produced;
        }
        bool const past_buffer = content_.contiguous() != 0;
        auto const room = past_buffer
                              ? place.first(static_cast<std::size_t>(
                                    std::min<std::uint64_t>(place.size(), content_.contiguous())))
                              : buffer_.prepare(buffer_.empty() ? chunked_read : 1);
        reading_.arm(context_.limits.body_timeout);
        auto const [ec, count] =
            co_await socket_.async_read_some(asio::buffer(room.data(), room.size()), as_tuple);
        if (reading_.expired()) {
            reading_.disarm();
            co_return body_failed(asio::error::timed_out);
        }
        reading_.disarm();
        if (ec == asio::error::operation_aborted && socket_.is_open()) {
            co_return ec;  // somebody has stopped reading; what was not read is still to come
        }
        if (ec) {
            co_return body_failed(ec);
        }
        if (!past_buffer) {
            buffer_.commit(count);
            continue;
        }
        content_.took(count);
        co_return count;
    }
}

task<error_code> session::send_continue() {
    continue_ = interim_state::sending;
    std::array<asio::const_buffer, 1> pieces{
        asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"))};
    auto const failed = co_await transmit(pieces);
    continue_ = interim_state::sent;
    continue_sent_event_.notify_all();
    co_return failed;
}

}  // namespace sidecache::http
