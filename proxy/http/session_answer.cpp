// The answer, as the handler gives it.
#include "proxy/async/write_all.hpp"
#include "proxy/http/session.hpp"
#include "proxy/http/tunnel.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace sidecache::http {

namespace {

constexpr std::string_view last_chunk = "0\r\n\r\n";

/// The line in front of a chunk (RFC 9112 section 7.1).
class chunk_line {
public:
    explicit chunk_line(std::size_t size) {
        auto* end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        size_ = static_cast<std::size_t>(end - text_.data());
    }
    std::string_view text() const { return {text_.data(), size_}; }

private:
    std::array<char, 18> text_;
    std::size_t size_;
};

}  // namespace

task<error_code> session::transmit(std::span<asio::const_buffer> pieces) {
    if (broken_) {
        co_return asio::error::connection_aborted;
    }
    stall_limit const limit{writing_, context_.limits.write_timeout};
    auto const failed = co_await write_all(socket_, pieces, &limit);
    if (failed) {
        broken_ = true;
    }
    co_return failed;
}

task<error_code> session::begin_answer(unsigned status) {
    assert(answer_ == answer_state::none && "a request is answered once");
    // Another coroutine may be reading content and have the 100 half out.
    while (continue_ == interim_state::sending) {
        co_await continue_sent_event_.wait();
    }
    if (broken_) {
        co_return asio::error::connection_aborted;
    }
    status_ = status;
    co_return error_code{};
}

connection_field session::closing_field() const {
    if (!keeps_alive()) {
        return connection_field::close;
    }
    return request_.version == 10 ? connection_field::keep_alive : connection_field::none;
}

task<error_code> session::send(response_head const& head, std::string_view body) {
    auto const late = co_await begin_answer(head.status);
    if (late) {
        co_return late;
    }
    bool const may_have_content = status_has_content(head.status);
    content_framing const framed{may_have_content ? framing::length : framing::none, body.size()};
    out_.clear();
    write_response_head(out_, head, framed, closing_field());
    bool const has_content = request_.method != "HEAD" && may_have_content;
    std::array<asio::const_buffer, 2> pieces{asio::buffer(out_),
                                             asio::buffer(has_content ? body : std::string_view{})};
    answer_ = answer_state::streaming;
    auto const failed = co_await transmit(pieces);
    if (failed) {
        co_return failed;
    }
    answer_ = answer_state::complete;
    bytes_ = has_content ? body.size() : 0;
    co_return error_code{};
}

task<error_code> session::send_prepared(unsigned status,
                                        std::string_view head,
                                        std::string_view body) {
    // A hit nearly always fits into the socket's buffer at once: then no coroutine is made for it.
    if (continue_ == interim_state::sending || broken_) {
        auto const late = co_await begin_answer(status);
        if (late) {
            co_return late;
        }
    }
    assert(answer_ == answer_state::none && "a request is answered once");
    std::array<asio::const_buffer, 2> pieces{asio::buffer(head), asio::buffer(body)};
    std::span<asio::const_buffer> rest(pieces);
    status_ = status;
    answer_ = answer_state::streaming;
    if (auto const failed = write_now(socket_, rest)) {
        broken_ = true;
        co_return failed;
    }
    if (!rest.empty()) {
        auto const failed = co_await transmit(rest);
        if (failed) {
            co_return failed;
        }
    }
    answer_ = answer_state::complete;
    bytes_ = body.size();
    co_return error_code{};
}

void session::send_now(unsigned status, std::string_view head, std::string_view body) {
    assert(answer_ == answer_state::none && "a request is answered once");
    std::array<asio::const_buffer, 2> pieces{asio::buffer(head), asio::buffer(body)};
    std::span<asio::const_buffer> rest(pieces);
    status_ = status;
    answer_ = answer_state::streaming;
    if (write_now(socket_, rest)) {
        broken_ = true;
        return;
    }
    bytes_ = body.size();
    if (rest.empty()) {
        answer_ = answer_state::complete;
        return;
    }
    out_.clear();
    for (auto const& piece : rest) {
        out_.append(static_cast<char const*>(piece.data()), piece.size());
    }
}

/// Decides how the answer ends, and renders its head into `out_`.
void session::frame(response_head const& head) {
    content_framing framed{head.body, head.content_length};
    streaming_ = head.body;
    promised_ = head.content_length;
    if (request_.method == "HEAD" || !status_has_content(head.status)) {
        streaming_ = framing::none;
    } else if (head.body != framing::length) {
        // Unknown length: chunked, or for HTTP/1.0 until the connection closes.
        streaming_ = request_.version == 10 ? framing::close : framing::chunked;
        closing_ = closing_ || streaming_ == framing::close;
        framed.body = streaming_;
    }
    out_.clear();
    write_response_head(out_, head, framed, closing_field());
    answer_ = answer_state::streaming;
}

/// Content that is about to be written, as far as it was promised.
void session::account_for(std::size_t content) {
    if (streaming_ == framing::length) {
        assert(content <= promised_ && "more content than Content-Length says");
        promised_ -= content;
    }
}

task<error_code> session::start(response_head const& head) {
    auto const late = co_await begin_answer(head.status);
    if (late) {
        co_return late;
    }
    frame(head);
    std::array<asio::const_buffer, 1> pieces{asio::buffer(out_)};
    co_return co_await transmit(pieces);
}

bool session::start_now(response_head const& head, asio::const_buffer first, bool is_all) {
    if (continue_ == interim_state::sending || broken_) {
        return false;
    }
    assert(answer_ == answer_state::none && "a request is answered once");
    status_ = head.status;
    frame(head);
    if (streaming_ == framing::none) {
        first = {};
    }
    account_for(first.size());
    std::string_view behind;
    if (streaming_ == framing::chunked) {
        if (first.size() != 0) {
            chunk_line const line(first.size());
            out_.append(line.text());
            behind = is_all ? "\r\n0\r\n\r\n" : "\r\n";
        } else if (is_all) {
            behind = last_chunk;
        }
    }
    beginning_ = {asio::buffer(out_), first, asio::buffer(behind)};
    unsent_beginning_ = beginning_;
    if (write_now(socket_, unsent_beginning_)) {
        broken_ = true;
        unsent_beginning_ = {};
        return false;
    }
    return unsent_beginning_.empty() && !begun(first.size(), is_all);
}

/// The beginning of a streamed answer is out.
error_code session::begun(std::size_t content, bool is_all) {
    bytes_ += content;
    return is_all ? complete() : error_code{};
}

task<error_code> session::start_with(response_head const& head,
                                     asio::const_buffer first,
                                     bool is_all) {
    if (broken_) {
        co_return asio::error::connection_aborted;
    }
    if (unsent_beginning_.empty()) {
        if (continue_ == interim_state::sending) {
            auto const late = co_await begin_answer(head.status);
            if (late) {
                co_return late;
            }
        }
        if (start_now(head, first, is_all)) {
            co_return error_code{};
        }
        if (broken_) {
            co_return asio::error::connection_aborted;
        }
    }
    auto const failed = co_await transmit(unsent_beginning_);
    unsent_beginning_ = {};
    if (failed) {
        co_return failed;
    }
    co_return begun(streaming_ == framing::none ? 0 : first.size(), is_all);
}

task<error_code> session::write(asio::const_buffer some) {
    assert(answer_ == answer_state::streaming && "start comes before content");
    if (streaming_ == framing::none || some.size() == 0) {
        co_return error_code{};
    }
    account_for(some.size());
    error_code failed;
    if (streaming_ == framing::chunked) {
        chunk_line const line(some.size());
        std::array<asio::const_buffer, 3> pieces{
            asio::buffer(line.text()), some, asio::buffer(std::string_view("\r\n"))};
        failed = co_await transmit(pieces);
    } else {
        std::array<asio::const_buffer, 1> pieces{some};
        failed = co_await transmit(pieces);
    }
    if (!failed) {
        bytes_ += some.size();
    }
    co_return failed;
}

task<error_code> session::finish() {
    assert(answer_ == answer_state::streaming && "finish comes once, after start");
    if (streaming_ == framing::chunked) {
        std::array<asio::const_buffer, 1> pieces{asio::buffer(last_chunk)};
        auto const failed = co_await transmit(pieces);
        if (failed) {
            co_return failed;
        }
    }
    co_return complete();
}

/// The end of a streamed answer, once all of it has been written.
error_code session::complete() {
    if (streaming_ == framing::length && promised_ != 0) {
        // Less than promised: the client waits for the rest, so the connection has to go.
        broken_ = true;
        return asio::error::connection_aborted;
    }
    answer_ = answer_state::complete;
    return {};
}

task<error_code> session::interim(response_head const& head) {
    assert(answer_ == answer_state::none && "an interim answer comes before the final one");
    if (request_.version == 10) {
        co_return error_code{};
    }
    while (continue_ == interim_state::sending) {
        co_await continue_sent_event_.wait();
    }
    out_.clear();
    write_interim_head(out_, head);
    std::array<asio::const_buffer, 1> pieces{asio::buffer(out_)};
    co_return co_await transmit(pieces);
}

task<error_code> session::tunnel(response_head const& head,
                                 tcp_socket upstream,
                                 std::string_view already_read) {
    auto const late = co_await begin_answer(head.status);
    if (late) {
        co_return late;
    }
    closing_ = true;
    answer_ = answer_state::streaming;
    out_.clear();
    write_interim_head(out_, head);
    std::array<asio::const_buffer, 2> pieces{asio::buffer(out_), asio::buffer(already_read)};
    auto const failed = co_await transmit(pieces);
    if (failed) {
        co_return failed;
    }
    co_await relay(socket_, upstream, buffer_.data(), context_.sweep, context_.limits.idle_timeout);
    buffer_.consume(buffer_.size());
    answer_ = answer_state::complete;
    co_return error_code{};
}

}  // namespace sidecache::http
