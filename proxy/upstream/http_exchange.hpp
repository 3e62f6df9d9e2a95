#pragma once

#include "proxy/http/content_reader.hpp"
#include "proxy/upstream/pool.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sidecache::upstream {

/// An exchange over one connection of a pool, or two when the first turns out to be stale.
///
/// Which connection a request gets: `repeat::safe` takes the idle one used last and, when that is
/// found closed before a byte of an answer, sends the request once more over a new one.
/// `repeat::never` always gets a new connection. An idle one may be closing at this very moment,
/// which no look at it can exclude; then nobody knows whether the request was executed, and a 502
/// for a write is worth more than a connect on loopback costs (protocol.md section 3.4).
class http_exchange final : public exchange {
public:
    http_exchange(pool& owner, repeat how, std::chrono::milliseconds deadline);
    ~http_exchange() override;

    task<failure> send(http::request_head const& head, std::string_view body) override;
    bool send_now(http::request_head const& from, http::arrival const& how) override;
    task<failure> send_head(http::request_head const& head) override;
    task<failure> write_body(asio::const_buffer some) override;
    task<failure> finish_body() override;
    task<failure> read_head(http::response_head& into) override;
    http::response_head& room_for_head() override { return space_->head; }
    task<chunk> read_body(asio::mutable_buffer out) override;
    ready take_ready() override;
    void await_content() override;
    void extend(std::chrono::milliseconds deadline) override;
    bool sent_anything() const override { return sent_anything_; }
    tcp_socket release(std::string& already_read) override;

    void abort() override;

private:
    /// More interim answers than anybody has use for.
    static constexpr unsigned max_interims = 32;

    friend class pool;  // which keeps `place_` right

    void take_connection();
    task<failure> transmit();
    task<failure> transmit_rest(std::span<asio::const_buffer> pieces);
    task<failure> connect();
    task<failure> connect_to(tcp::endpoint const& where);
    failure accept_head(http::response_head& into, bool has_hop_fields);
    void render(http::request_head const& head, std::uint64_t length, bool streams);
    void cancel();
    void drop();
    void give_back_if_done();
    void hand_over();
    void keep_time();
    bool usable() const { return connection_ && !dead_; }
    bool over() const { return aborted_ || deadline_.expired(); }
    /// What an error on the connection means now.
    failure ended(failure otherwise) const;

    pool& owner_;
    std::size_t place_;  // among the pool's open ones
    std::unique_ptr<exchange_space> space_;
    repeat how_;
    deadline deadline_;
    std::optional<deadline> connecting_;
    std::unique_ptr<connection> connection_;
    unsigned generation_ = 0;
    http::content_reader content_;

    // The request.
    std::string_view body_;
    std::size_t unsent_ = 0;  // of the head that `send_now` wrote
    http::framing framing_ = http::framing::none;
    std::uint64_t promised_ = 0;
    bool is_head_request_ = false;
    bool asked_upgrade_ = false;
    bool repeatable_ = false;  // the connection came from the pool, and all of it may be sent again
    bool sent_anything_ = false;
    bool request_complete_ = false;
    bool write_failed_ = false;
    bool client_sends_ = false;  // we wait for more of the request's content

    // The answer.
    unsigned interims_ = 0;
    bool client_reads_ = false;  // we wait for who takes the answer's content
    bool keep_ = false;
    bool head_done_ = false;
    bool malformed_ = false;  // `take_ready` has found it
    bool aborted_ = false;
    bool dead_ = false;  // the connection is closed and stays only for who is still in it
};

}  // namespace sidecache::upstream
