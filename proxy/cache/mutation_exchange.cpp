#include "proxy/cache/mutation_exchange.hpp"

#include <array>
#include <utility>

namespace sidecache::cache {

namespace {

using clock = std::chrono::steady_clock;
using upstream::failure;

constexpr std::size_t piece_size = std::size_t{16} * 1024;

}  // namespace

mutation_exchange::mutation_exchange(upstream::client& up,
                                     http::request_head head,
                                     std::string_view body,
                                     handoff* rest,
                                     settings how)
    : client_(up), request_(std::move(head)), body_(body), rest_(rest), how_(how) {
    // The client's handshake is over: its content is (or is being) read.
    request_.expects_continue = false;
    if (rest_ == nullptr && request_.body != http::framing::none) {
        request_.body = http::framing::length;
        request_.content_length = body_.size();
    }
}

mutation_exchange::step mutation_exchange::fail(failure f) {
    why = f;
    sent = f != failure::connect && exchange_->sent_anything();
    took = clock::now() - began_;
    exchange_.reset();
    return step::failed;
}

task<failure> mutation_exchange::send() {
    began_ = clock::now();
    renew_at_ = began_ + how_.renew_every;
    exchange_ = client_.open(upstream::repeat::never, how_.timeout);
    if (rest_ == nullptr) {
        auto const f = co_await exchange_->send(request_, body_);
        co_return f;
    }
    auto f = co_await exchange_->send_head(request_);
    if (f == failure::none && !body_.empty()) {
        f = co_await exchange_->write_body(asio::buffer(body_));
    }
    co_return f;
}

task<mutation_exchange::step> mutation_exchange::run() {
    auto f = failure::none;
    if (!exchange_) {
        f = co_await send();
    }
    std::string piece;
    while (rest_ != nullptr && f == failure::none) {
        auto const next = co_await rest_->take(piece, renew_at_);
        if (next == handoff::taken::due) {
            renew_at_ = clock::now() + how_.renew_every;
            exchange_->extend(how_.timeout);
            co_return step::renewal_due;
        }
        if (next == handoff::taken::broken) {
            co_return fail(failure::broken);  // the backend gets no more of it, and must not wait
        }
        if (next == handoff::taken::whole) {
            rest_ = nullptr;
            exchange_->extend(how_.timeout);
            f = co_await exchange_->finish_body();
            break;
        }
        f = co_await exchange_->write_body(asio::buffer(piece));
    }
    if (rest_ != nullptr) {
        std::exchange(rest_, nullptr)->leave();
    }
    if (f == failure::connect || f == failure::timeout ||
        (f != failure::none && !exchange_->sent_anything())) {
        co_return fail(f);
    }
    // An upstream that wanted no more of the content may have said why.
    auto const s = co_await read_answer();
    co_return s;
}

task<mutation_exchange::step> mutation_exchange::read_answer() {
    do {
        // Interim answers stay here: the client gets no byte before the end (section 3.5).
        auto const f = co_await exchange_->read_head(head);
        if (f != failure::none) {
            co_return fail(f);
        }
    } while (head.status < 200 && head.status != 101);
    if (head.status == 101) {
        co_return fail(failure::malformed);  // nobody asked for another protocol
    }
    took = clock::now() - began_;
    if (head.body == http::framing::length && head.content_length > how_.max_held) {
        too_large = true;
        co_return step::answered;
    }
    std::array<char, piece_size> buffer;
    for (;;) {
        auto const some = co_await exchange_->read_body(asio::buffer(buffer));
        if (some.why != failure::none) {
            why = some.why;
            cut_short = true;
            break;
        }
        if (some.size == 0) {
            break;
        }
        content.append(buffer.data(), some.size);
        if (content.size() > how_.max_held) {
            too_large = true;
            co_return step::answered;
        }
    }
    exchange_.reset();
    co_return step::answered;
}

task<bool> mutation_exchange::stream(handoff& out) {
    auto wanted = content.empty();
    if (!wanted) {
        wanted = co_await out.put(content);
    }
    std::array<char, piece_size> buffer;
    for (;;) {
        exchange_->extend(how_.timeout);
        auto const some = co_await exchange_->read_body(asio::buffer(buffer));
        if (some.why != failure::none || some.size == 0) {
            exchange_.reset();
            co_return some.why == failure::none;
        }
        if (wanted) {
            wanted = co_await out.put(std::string_view(buffer.data(), some.size));
        }
    }
}

}  // namespace sidecache::cache
