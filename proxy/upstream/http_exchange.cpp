#include "proxy/upstream/http_exchange.hpp"

#include "proxy/async/write_all.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/hop_by_hop.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace sidecache::upstream {

http_exchange::http_exchange(pool& owner, repeat how, std::chrono::milliseconds deadline)
    : owner_(owner),
      place_(owner.enter(*this)),
      space_(owner.borrow_space()),
      how_(how),
      deadline_(owner.sweep_, [this] { cancel(); }) {
    deadline_.arm(deadline);
}

http_exchange::~http_exchange() {
    owner_.leave(*this);
    owner_.give_back(std::move(space_));
}

void http_exchange::cancel() {
    if (connection_) {
        error_code ignored;
        connection_->socket.cancel(ignored);
    }
    owner_.endpoints_.wake();
}

void http_exchange::abort() {
    aborted_ = true;
    cancel();
}

void http_exchange::extend(std::chrono::milliseconds deadline) {
    if (!over()) {
        deadline_.arm(deadline);
        keep_time();
    }
}

void http_exchange::await_content() {
    client_sends_ = true;
    keep_time();
}

// The deadline is the upstream's: it runs while nobody waits for the client.
void http_exchange::keep_time() {
    if (client_sends_ || client_reads_) {
        deadline_.pause();
    } else {
        deadline_.resume();
    }
}

failure http_exchange::ended(failure otherwise) const {
    if (aborted_) {
        return failure::broken;
    }
    return deadline_.expired() ? failure::timeout : otherwise;
}

// Only closed: another coroutine may be writing content to it.
void http_exchange::drop() {
    dead_ = true;
    keep_ = false;
    if (connection_) {
        error_code ignored;
        connection_->socket.close(ignored);
    }
}

void http_exchange::render(http::request_head const& head, std::uint64_t length, bool streams) {
    auto& out = space_->out;
    out.clear();
    out.reserve(head.method.size() + head.target.size() + head.fields.characters() + 96);
    out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    head.fields.write_to(out);
    if (framing_ == http::framing::chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    } else if (framing_ == http::framing::length) {
        std::array<char, 20> digits;
        auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
        out.append("Content-Length: ").append(digits.data(), end).append("\r\n");
    }
    if (streams && head.expects_continue) {
        out.append("Expect: 100-continue\r\n");
    }
    out.append("\r\n");
    is_head_request_ = head.method == "HEAD";
    asked_upgrade_ = head.upgrade;
}

/// An idle connection, if there is one.
void http_exchange::take_connection() {
    connection_ = owner_.take();
    generation_ = owner_.generation_;
    repeatable_ = connection_ != nullptr;
}

bool http_exchange::send_now(http::request_head const& from, http::arrival const& how) {
    if (how_ != repeat::safe) {
        return false;
    }
    take_connection();
    if (!connection_) {
        return false;
    }
    auto& out = space_->out;
    out.clear();
    http::render_upstream_request(out, from, how);
    is_head_request_ = from.method == "HEAD";
    request_complete_ = true;
    sent_anything_ = true;
    std::array<asio::const_buffer, 1> pieces{asio::buffer(out)};
    std::span<asio::const_buffer> rest(pieces);
    write_failed_ = static_cast<bool>(write_now(connection_->socket, rest));
    if (!write_failed_ && !rest.empty()) {
        unsent_ = rest.front().size();
    }
    return true;
}

task<failure> http_exchange::send(http::request_head const& head, std::string_view body) {
    bool const has_content = !body.empty() || head.body != http::framing::none;
    framing_ = has_content ? http::framing::length : http::framing::none;
    render(head, body.size(), false);
    body_ = body;
    bool const may_reuse = how_ == repeat::safe;
    if (may_reuse) {
        take_connection();
    }
    request_complete_ = true;
    if (connection_) {
        // As a rule the socket takes all of it at once: then no further coroutine is needed.
        std::array<asio::const_buffer, 2> pieces{asio::buffer(space_->out), asio::buffer(body_)};
        std::span<asio::const_buffer> rest(pieces);
        sent_anything_ = true;
        write_failed_ = static_cast<bool>(write_now(connection_->socket, rest));
        if (write_failed_ || rest.empty()) {
            co_return failure::none;  // whoever reads finds out what has failed
        }
        co_return co_await transmit_rest(rest);
    }
    co_return co_await transmit();
}

task<failure> http_exchange::send_head(http::request_head const& head) {
    framing_ = head.body;
    promised_ = head.content_length;
    render(head, head.content_length, true);
    body_ = {};
    request_complete_ = framing_ == http::framing::none;
    co_return co_await transmit();
}

task<failure> http_exchange::transmit() {
    if (!connection_) {
        auto const failed = co_await connect();
        if (failed != failure::none) {
            co_return failed;
        }
    }
    std::array<asio::const_buffer, 2> pieces{asio::buffer(space_->out), asio::buffer(body_)};
    sent_anything_ = true;
    co_return co_await transmit_rest(pieces);
}

task<failure> http_exchange::transmit_rest(std::span<asio::const_buffer> pieces) {
    auto const ec = co_await write_all(connection_->socket, pieces);
    if (!ec) {
        co_return failure::none;
    }
    if (over()) {
        drop();
        co_return ended(failure::broken);
    }
    // An upstream that does not want all of a request may have answered before it closed (413):
    // whoever reads finds out, and also whether the connection was stale.
    write_failed_ = true;
    co_return failure::none;
}

task<failure> http_exchange::connect() {
    generation_ = owner_.generation_;
    auto const given_up = [this] { return over(); };
    auto const addresses = co_await owner_.endpoints_.find(given_up);
    auto last = failure::connect;
    for (auto const& address : addresses) {
        last = co_await connect_to(address);
        if (last == failure::none || over()) {
            break;
        }
    }
    co_return over() ? ended(failure::connect) : last;
}

task<failure> http_exchange::connect_to(tcp::endpoint const& where) {
    connection_ = std::make_unique<connection>(owner_.ex_);
    dead_ = false;
    if (!connecting_) {
        connecting_.emplace(owner_.sweep_, [this] { cancel(); });
    }
    connecting_->arm(owner_.settings_.connect_timeout);
    auto const [ec] = co_await connection_->socket.async_connect(where, as_tuple);
    bool const late = connecting_->expired();
    connecting_->disarm();
    if (ec || late || over()) {
        drop();
        co_return ended(failure::connect);
    }
    error_code ignored;
    connection_->socket.set_option(tcp::no_delay(true), ignored);
    connection_->socket.non_blocking(true, ignored);
    connection_->incoming.open();
    co_return failure::none;
}

task<failure> http_exchange::write_body(asio::const_buffer some) {
    assert(!request_complete_ && "content behind the end of the content");
    client_sends_ = false;
    keep_time();
    if (some.size() == 0) {
        co_return failure::none;
    }
    if (!usable() || write_failed_) {
        co_return ended(failure::broken);
    }
    std::array<char, 18> line;
    std::size_t line_size = 0;
    std::string_view behind;
    if (framing_ == http::framing::chunked) {
        auto* end = std::to_chars(line.data(), line.data() + 16, some.size(), 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        line_size = static_cast<std::size_t>(end - line.data());
        behind = "\r\n";
    } else {
        assert(some.size() <= promised_ && "more content than Content-Length says");
        promised_ -= some.size();
    }
    std::array<asio::const_buffer, 3> pieces{
        asio::const_buffer(line.data(), line_size), some, asio::buffer(behind)};
    auto const ec = co_await write_all(connection_->socket, pieces);
    if (ec) {
        write_failed_ = true;
        co_return ended(failure::broken);
    }
    co_return failure::none;
}

task<failure> http_exchange::finish_body() {
    if (request_complete_) {
        co_return failure::none;
    }
    client_sends_ = false;
    keep_time();
    if (!usable() || write_failed_ || promised_ != 0) {
        co_return ended(failure::broken);
    }
    if (framing_ == http::framing::chunked) {
        std::array<asio::const_buffer, 1> pieces{asio::buffer(std::string_view("0\r\n\r\n"))};
        auto const ec = co_await write_all(connection_->socket, pieces);
        if (ec) {
            write_failed_ = true;
            co_return ended(failure::broken);
        }
    }
    request_complete_ = true;
    give_back_if_done();
    co_return failure::none;
}

task<failure> http_exchange::read_head(http::response_head& into) {
    bool any_byte = interims_ != 0;
    if (unsent_ != 0) {
        std::string_view const out = space_->out;
        std::array<asio::const_buffer, 1> pieces{
            asio::buffer(out.substr(out.size() - std::exchange(unsent_, 0)))};
        auto const failed = co_await transmit_rest(pieces);
        if (failed != failure::none) {
            co_return failed;
        }
    }
    for (;;) {
        if (!usable() || over()) {
            co_return ended(failure::broken);
        }
        auto const step = space_->parser.parse(connection_->buffer.data(), into);
        if (step.malformed) {
            drop();
            co_return failure::malformed;
        }
        connection_->buffer.consume(step.consumed);
        if (step.complete) {
            co_return accept_head(into, step.has_hop_fields);
        }
        auto const room = connection_->buffer.prepare(1);
        bool const repeats = repeatable_ && !any_byte;
        // What a pooled connection does not take at all it does not answer, either.
        arrival::outcome got{asio::error::broken_pipe, 0};
        if (!write_failed_ || !repeats) {
            auto const what = any_byte ? arrival::of::the_rest : arrival::of::a_message;
            got = co_await connection_->incoming.read(room, what);
        }
        if (!got.error && !over()) {
            connection_->buffer.commit(got.size);
            any_byte = true;
            continue;
        }
        bool const stale = repeats && !over();
        drop();
        if (!stale) {
            co_return ended(failure::broken);
        }
        // The pooled connection was closing while we sent. A new one, once.
        repeatable_ = false;
        write_failed_ = false;
        connection_.reset();
        auto const failed = co_await transmit();
        if (failed != failure::none) {
            co_return failed;
        }
    }
}

failure http_exchange::accept_head(http::response_head& into, bool has_hop_fields) {
    if (into.status == 101) {
        if (!asked_upgrade_) {
            drop();
            return failure::malformed;
        }
        head_done_ = true;
        return failure::none;
    }
    if (has_hop_fields) {
        http::end_to_end_response(into);
    }
    if (into.status / 100 == 1) {
        if (++interims_ > max_interims) {
            drop();
            return failure::malformed;
        }
        return failure::none;
    }
    head_done_ = true;
    bool const no_content = is_head_request_ || !http::status_has_content(into.status);
    // Whether content that is announced and must not come does come, nobody knows: what arrived
    // late would be taken for the next answer.
    bool const in_doubt =
        into.body == http::framing::close || (no_content && into.announces_content);
    keep_ = into.keep_alive && !in_doubt;
    if (no_content && into.body == http::framing::close) {
        into.body = http::framing::none;
    }
    content_.begin(no_content ? http::framing::none : into.body, into.content_length);
    give_back_if_done();
    return failure::none;
}

task<exchange::chunk> http_exchange::read_body(asio::mutable_buffer out) {
    assert(head_done_ && out.size() != 0 && "content comes behind the final head");
    std::span<char> const place(static_cast<char*>(out.data()), out.size());
    client_reads_ = false;
    keep_time();
    for (;;) {
        if (content_.complete()) {
            give_back_if_done();
            co_return chunk{};
        }
        if (!usable() || over()) {
            chunk const broken{ended(malformed_ ? failure::malformed : failure::truncated), 0};
            co_return broken;
        }
        auto& buffer = connection_->buffer;
        auto const step = content_.put(buffer.data(), place);
        buffer.consume(step.consumed);
        if (step.bad != http::content_reader::trouble::none) {
            drop();
            chunk const bad{failure::malformed, 0};
            co_return bad;
        }
        if (step.produced != 0) {
            hand_over();
            chunk const some{failure::none, step.produced};
            co_return some;
        }
        if (content_.complete()) {
            continue;
        }
        bool const past_buffer = content_.contiguous() != 0;
        auto const room = past_buffer
                              ? place.first(static_cast<std::size_t>(
                                    std::min<std::uint64_t>(place.size(), content_.contiguous())))
                              : buffer.prepare(buffer.empty() ? 16 << 10 : 1);
        auto const [ec, count] = co_await connection_->incoming.read(room, arrival::of::the_rest);
        if (over()) {
            drop();
            continue;
        }
        if (ec) {
            if (ec == asio::error::eof && content_.end_of_stream()) {
                continue;
            }
            drop();
            continue;
        }
        if (!past_buffer) {
            buffer.commit(count);
            continue;
        }
        content_.took(count);
        hand_over();
        chunk const some{failure::none, count};
        co_return some;
    }
}

exchange::ready http_exchange::take_ready() {
    if (!usable() || over() || !head_done_ || content_.complete()) {
        return {{}, head_done_ && content_.complete()};
    }
    auto& buffer = connection_->buffer;
    http::content_reader::step step;
    if (content_.contiguous() != 0) {
        step.produced =
            static_cast<std::size_t>(std::min<std::uint64_t>(content_.contiguous(), buffer.size()));
        step.consumed = step.produced;
        content_.took(step.produced);
    } else {
        step = content_.put(buffer.data(), buffer.held());
    }
    if (step.bad != http::content_reader::trouble::none) {
        malformed_ = true;
        drop();
        return {};  // `read_body` says why
    }
    auto const bytes = buffer.data().substr(0, step.produced);
    buffer.consume(step.consumed);
    if (content_.complete()) {
        // The bytes stay where they are, and the connection goes on without them, unless something
        // came behind them.
        keep_ = keep_ && buffer.empty();
        std::swap(space_->taken, buffer);
    }
    hand_over();
    return {bytes, content_.complete()};
}

// Until the caller comes back it waits for its client, which the upstream cannot help: a slow
// reader must not make its own answer time out.
void http_exchange::hand_over() {
    give_back_if_done();
    client_reads_ = true;
    keep_time();
}

void http_exchange::give_back_if_done() {
    if (!usable() || !head_done_ || !content_.complete() || !request_complete_) {
        return;
    }
    deadline_.disarm();
    // Bytes behind the answer are nobody's: what comes next on this connection cannot be trusted.
    bool const clean =
        keep_ && !write_failed_ && connection_->buffer.empty() && generation_ == owner_.generation_;
    if (clean) {
        owner_.give(std::move(connection_));
    }
    connection_.reset();
}

tcp_socket http_exchange::release(std::string& already_read) {
    assert(connection_ && head_done_ && "only the connection of a 101 can be taken");
    already_read = connection_->buffer.data();
    tcp_socket socket = std::move(connection_->socket);
    connection_.reset();
    deadline_.disarm();
    return socket;
}

}  // namespace sidecache::upstream
