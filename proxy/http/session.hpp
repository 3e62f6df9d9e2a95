#pragma once

#include "config/model.hpp"
#include "proxy/async/arrival.hpp"
#include "proxy/async/deadline.hpp"
#include "proxy/async/event.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/content_reader.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/http/head_parser.hpp"
#include "proxy/http/read_buffer.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace sidecache::http {

/// What all sessions of one listener work with; outlives them. One worker only.
struct session_context {
    executor ex;
    sweeper& sweep;
    /// Replaced in place by a reload.
    config::limits const& limits;
    handler& requests;
};

/// One client connection from its first byte to its last: read a head, let the handler answer,
/// drop what is left of the content, again (RFC 9112 section 9). Pipelined requests wait in the
/// buffer. Memory: the buffer (4 KiB, while reading a head up to `max_header`) and one head.
///
/// A request that arrives whole and alone, and that the handler knows (`answer_known`), is answered
/// where its bytes came in: no coroutine is woken, nothing is parsed.
class session final : public downstream, private sidecache::arrival::taker {
public:
    session(tcp_socket socket, session_context const& context);
    ~session();

    /// Returns when the connection is closed. Throws nothing.
    task<void> run();

    /// Each answer from now on says that the connection ends with it; an idle one stays until then.
    void leave() { leaving_ = true; }
    /// No request after the present one; an idle connection closes now.
    void drain();
    /// Breaks the connection off.
    void abort();

    request_head const& request() const override { return request_; }
    std::string_view peer() const override { return peer_; }
    task<result<std::size_t>> read_body(asio::mutable_buffer out) override;
    task<error_code> send(response_head const& head, std::string_view body) override;
    task<error_code> start(response_head const& head) override;
    task<error_code> start_with(response_head const& head,
                                asio::const_buffer first,
                                bool is_all) override;
    bool start_now(response_head const& head, asio::const_buffer first, bool is_all) override;
    task<error_code> write(asio::const_buffer some) override;
    task<error_code> finish() override;
    task<error_code> interim(response_head const& head) override;
    task<error_code> send_prepared(unsigned status,
                                   std::string_view head,
                                   std::string_view body) override;
    std::string_view raw_head() const override { return raw_head_; }
    void send_now(unsigned status, std::string_view head, std::string_view body) override;
    bool keeps_alive() const override;
    void close_after_answer() override { closing_ = true; }
    task<error_code> tunnel(response_head const& head,
                            tcp_socket upstream,
                            std::string_view already_read) override;
    unsigned status_sent() const override { return status_; }
    std::uint64_t bytes_sent() const override { return bytes_; }

private:
    std::span<char> took(std::size_t count) override;
    task<bool> end_known();
    task<bool> read_head();
    task<bool> finish_request();
    task<void> refuse_head(refusal const& bad);
    task<void> refuse(ready_answer answer);
    task<error_code> send_continue();
    task<bool> drop_content();
    task<void> linger();
    task<error_code> begin_answer(unsigned status);
    task<error_code> transmit(std::span<asio::const_buffer> pieces);
    void frame(response_head const& head);
    void account_for(std::size_t content);
    error_code begun(std::size_t content, bool is_all);
    error_code complete();
    result<std::size_t> body_failed(error_code why);
    connection_field closing_field() const;
    void reset();

    tcp_socket socket_;
    sidecache::arrival incoming_;
    session_context const& context_;
    deadline reading_;
    deadline writing_;
    event continue_sent_event_;
    std::string peer_;
    read_buffer buffer_;
    request_parser parser_;
    request_head request_;
    std::string_view raw_head_;  // in the buffer, until more is read
    content_reader content_;
    std::string out_;

    // The connection.
    bool leaving_ = false;
    bool draining_ = false;
    bool idle_ = false;
    bool broken_ = false;
    std::uint64_t requests_ = 0;

    // The present request.
    error_code body_error_;
    enum class interim_state {
        unneeded,
        waiting,
        sending,
        sent
    } continue_ = interim_state::unneeded;
    enum class answer_state { none, streaming, complete } answer_ = answer_state::none;
    bool closing_ = false;
    unsigned status_ = 0;
    std::uint64_t bytes_ = 0;
    framing streaming_ = framing::none;
    std::array<asio::const_buffer, 3> beginning_;     // of a streamed answer
    std::span<asio::const_buffer> unsent_beginning_;  // what of it the socket did not take at once
    std::uint64_t promised_ = 0;  // content of a streamed answer that is still to come
};

}  // namespace sidecache::http
