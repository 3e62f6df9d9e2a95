#include "proxy/http/session.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sidecache::http {

namespace {

/// What is left of a request's content after its answer is read up to here, so that the connection
/// can go on; beyond, closing is cheaper than reading.
constexpr std::uint64_t max_drop = 64 << 10;

/// Longer heads come once: nobody is expected to know them.
constexpr std::size_t longest_known_head = 2'048;

/// How long a connection is kept half open after its last answer, so that the client reads that
/// answer before a reset reaches it (RFC 9112 section 9.6).
constexpr std::chrono::milliseconds linger_time{2'000};
constexpr std::uint64_t max_linger = 256 << 10;

/// A connection accepted while draining may ask one thing, soon.
constexpr std::chrono::milliseconds last_chance{1'000};

std::string peer_of(tcp_socket const& socket) {
    error_code ec;
    auto const remote = socket.remote_endpoint(ec);
    if (ec) {
        return "unknown";
    }
    auto const address = remote.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

}  // namespace

session::session(tcp_socket socket, session_context const& context)
    : socket_(std::move(socket)),
      incoming_(socket_, this),
      context_(context),
      reading_(context.sweep,
               [this] {
                   error_code ignored;
                   socket_.cancel(ignored);
               }),
      writing_(context.sweep,
               [this] {
                   error_code ignored;
                   socket_.cancel(ignored);
               }),
      continue_sent_event_(context.ex),
      peer_(peer_of(socket_)),
      parser_(head_limits{context.limits.max_target, context.limits.max_header}) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    incoming_.open();
}

session::~session() = default;

task<void> session::run() {
    for (;;) {
        auto const has_request = co_await read_head();
        if (!has_request) {
            break;
        }
        co_await context_.requests.handle(*this);
        // The usual end of a request, without a coroutine for it.
        if (answer_ == answer_state::complete && content_.complete() && !broken_ && keeps_alive()) {
            buffer_.shrink();
            continue;
        }
        auto const goes_on = co_await finish_request();
        if (!goes_on) {
            break;
        }
    }
    if (broken_) {
        // A reset tells a client that its answer is not whole, where framing cannot.
        error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
        co_return;
    }
    co_await linger();
}

// No longer than either limit, so that it keeps both; and there is nothing that a request which
// says nothing of it would have to be told.
std::span<char> session::took(std::size_t count) {
    buffer_.commit(count);
    auto const head = buffer_.data();
    auto const longest =
        std::min({longest_known_head, context_.limits.max_target, context_.limits.max_header});
    if (!idle_ || leaving_ || head.size() > longest ||
        !context_.requests.answer_known(*this, head)) {
        return {};
    }
    ++requests_;
    buffer_.consume(count);
    if (answer_ != answer_state::complete) {
        return {};  // the socket does not take all of it: `end_known`
    }
    answer_ = answer_state::none;
    status_ = 0;
    bytes_ = 0;
    reading_.arm(context_.limits.idle_timeout);
    return buffer_.prepare(1);
}

/// What of a known answer the socket did not take at once.
task<bool> session::end_known() {
    std::array<asio::const_buffer, 1> rest{asio::buffer(out_)};
    auto const failed = co_await transmit(rest);
    if (!failed) {
        reset();
    }
    co_return !failed && !leaving_;
}

void session::reset() {
    request_.clear();
    raw_head_ = {};
    content_.begin(framing::none, 0);
    body_error_ = {};
    continue_ = interim_state::unneeded;
    answer_ = answer_state::none;
    closing_ = false;
    status_ = 0;
    bytes_ = 0;
    unsent_beginning_ = {};
    promised_ = 0;
}

task<bool> session::read_head() {
    reset();
    bool started = !buffer_.empty();
    auto const& limits = context_.limits;
    reading_.arm(started ? limits.header_timeout : limits.idle_timeout);
    if (draining_ && !started) {
        if (requests_ != 0) {
            co_return false;
        }
        reading_.arm(last_chance);
    }
    for (;;) {
        auto const held = buffer_.data();
        auto const step = parser_.parse(held, request_);
        raw_head_ = held.substr(0, step.consumed);
        buffer_.consume(step.consumed);
        if (step.bad) {
            reading_.disarm();
            co_await refuse_head(step.bad);
            co_return false;
        }
        if (step.complete) {
            break;
        }
        auto const room = buffer_.prepare(1);
        idle_ = !started;
        auto const what = started ? arrival::of::the_rest : arrival::of::a_message;
        auto const got = co_await incoming_.read(room, what);
        auto const ec = got.error;
        idle_ = false;
        if (!ec && answer_ != answer_state::none) {
            auto const goes_on = co_await end_known();
            if (!goes_on) {
                reading_.disarm();
                co_return false;
            }
            reading_.arm(limits.idle_timeout);
            continue;
        }
        // The sweeper's cancel may come when the read has completed already: the deadline counts.
        if (ec || (started && reading_.expired())) {
            // Between requests closing is how things end; inside a head it is the client's loss.
            if (started && reading_.expired()) {
                refusal const late{408, "the request did not arrive in time"};
                co_await refuse_head(late);
            }
            reading_.disarm();
            co_return false;
        }
        if (!started) {
            started = true;
            reading_.arm(limits.header_timeout);
        }
    }
    reading_.disarm();
    ++requests_;
    content_.begin(request_.body, request_.content_length, limits.max_body);
    if (request_.expects_continue) {
        continue_ = interim_state::waiting;
    }
    if (limits.max_body != 0 && request_.content_length > limits.max_body) {
        refusal const large{413, "the request's content is too large"};
        co_await refuse_head(large);
        co_return false;
    }
    co_return true;
}

task<void> session::refuse_head(refusal const& bad) {
    auto answer = error_answer(bad.status, bad.why);
    context_.requests.refused(*this, bad, answer.head);
    co_await refuse(std::move(answer));
}

task<void> session::refuse(ready_answer answer) {
    closing_ = true;
    auto const failed = co_await send(answer.head, answer.body);
    if (failed) {
        broken_ = true;
    }
}

task<bool> session::finish_request() {
    if (answer_ == answer_state::none && !broken_) {
        auto nothing = error_answer(500, "no answer");
        co_await refuse(std::move(nothing));
    }
    if (answer_ != answer_state::complete) {
        broken_ = true;
    }
    if (broken_ || !keeps_alive()) {
        co_return false;
    }
    auto const clean = co_await drop_content();
    buffer_.shrink();
    co_return clean;
}

task<bool> session::drop_content() {
    if (content_.complete()) {
        co_return true;
    }
    auto const limit = content_.size() + max_drop;
    std::array<char, 4'096> scratch;
    while (!content_.complete() && content_.size() <= limit) {
        auto const some = co_await read_body(asio::buffer(scratch));
        if (!some) {
            co_return false;
        }
    }
    co_return content_.complete();
}

bool session::keeps_alive() const {
    if (!request_.keep_alive || leaving_ || closing_ || body_error_) {
        return false;
    }
    // A client that waits for 100 and gets its answer instead may send the content or not: what
    // comes next on this connection could be either (RFC 9110 section 10.1.1).
    if (continue_ == interim_state::waiting) {
        return false;
    }
    return content_.complete() || request_.body != framing::length ||
           content_.contiguous() <= max_drop;
}

task<void> session::linger() {
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    bool const unread = !content_.complete() || !buffer_.empty() || status_ >= 400;
    if (requests_ + status_ == 0 || !unread) {
        socket_.close(ignored);
        co_return;
    }
    reading_.arm(linger_time);
    std::array<char, 4'096> scratch;
    for (std::uint64_t dropped = 0; dropped < max_linger;) {
        auto const [ec, count] = co_await socket_.async_read_some(asio::buffer(scratch), as_tuple);
        if (ec || reading_.expired()) {
            break;
        }
        dropped += count;
    }
    reading_.disarm();
    socket_.close(ignored);
}

void session::drain() {
    leaving_ = true;
    draining_ = true;
    if (!idle_) {
        return;
    }
    if (requests_ == 0) {
        reading_.arm(last_chance);
        return;
    }
    error_code ignored;
    socket_.cancel(ignored);
}

void session::abort() {
    broken_ = true;
    leaving_ = true;
    draining_ = true;
    error_code ignored;
    socket_.close(ignored);
}

}  // namespace sidecache::http
