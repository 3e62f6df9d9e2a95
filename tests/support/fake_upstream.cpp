#include "tests/support/fake_upstream.hpp"

#include <boost/asio/this_coro.hpp>

#include <cassert>
#include <cstring>

namespace sidecache::test {

using upstream::failure;

class fake_upstream::scripted_exchange final : public upstream::exchange {
public:
    scripted_exchange(fake_upstream& owner, reply script, std::shared_ptr<request> record)
        : owner_(owner), script_(std::move(script)), record_(std::move(record)) {}

    task<failure> send(http::request_head const& head, std::string_view body) override {
        record_->head = head;
        record_->body = std::string(body);
        record_->body_finished = true;
        co_return script_.send;
    }
    task<failure> send_head(http::request_head const& head) override {
        record_->head = head;
        co_return script_.send;
    }
    task<failure> write_body(asio::const_buffer some) override {
        record_->body.append(static_cast<char const*>(some.data()), some.size());
        co_return failure::none;
    }
    task<failure> finish_body() override {
        record_->body_finished = true;
        co_return failure::none;
    }

    http::response_head& room_for_head() override { return room_; }
    task<failure> read_head(http::response_head& into) override {
        while (!owner_.open_) {
            co_await owner_.door_.wait();
            auto const state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) {
                co_return failure::broken;  // as a socket's operation would end
            }
        }
        into = {};
        if (next_interim_ < script_.interims.size()) {
            into.status = script_.interims[next_interim_++];
            co_return failure::none;
        }
        if (script_.head != failure::none) {
            co_return script_.head;
        }
        into.status = script_.status;
        into.reason = "Scripted";
        into.fields = script_.fields;
        into.body = script_.length_known ? http::framing::length : http::framing::chunked;
        for (auto const& piece : script_.body) {
            into.content_length += piece.size();
        }
        co_return failure::none;
    }

    task<chunk> read_body(asio::mutable_buffer out) override {
        if (next_piece_ == script_.body.size()) {
            co_return chunk{script_.content, 0};
        }
        auto& piece = script_.body[next_piece_];
        auto const size = std::min(out.size(), piece.size());
        std::memcpy(out.data(), piece.data(), size);
        piece.erase(0, size);
        if (piece.empty()) {
            ++next_piece_;
        }
        co_return chunk{failure::none, size};
    }

    void extend(std::chrono::milliseconds) override { ++record_->extended; }
    void abort() override { record_->aborted = true; }
    bool sent_anything() const override { return script_.sent; }
    tcp_socket release(std::string&) override {
        assert(false && "no test of a tunnel uses this fake");
        return tcp_socket(owner_.executor_);
    }

private:
    http::response_head room_;
    fake_upstream& owner_;
    reply script_;
    std::shared_ptr<request> record_;
    std::size_t next_interim_ = 0;
    std::size_t next_piece_ = 0;
};

std::unique_ptr<upstream::exchange> fake_upstream::open(upstream::repeat how,
                                                        std::chrono::milliseconds deadline) {
    reply script;
    if (!replies_.empty()) {
        script = std::move(replies_.front());
        replies_.pop_front();
    }
    auto record = std::make_shared<request>();
    record->how = how;
    record->deadline = deadline;
    requests.push_back(record);
    return std::make_unique<scripted_exchange>(*this, std::move(script), std::move(record));
}

}  // namespace sidecache::test
