#include "tests/support/stepped_upstream.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sidecache::test {

using upstream::failure;

void stepped_upstream::fetch::head(unsigned status,
                                   fields with,
                                   std::optional<std::uint64_t> length) {
    head_ = {};
    head_.status = status;
    head_.reason = "Stepped";
    head_.body = length ? http::framing::length : http::framing::chunked;
    head_.content_length = length.value_or(0);
    for (auto const& [name, value] : with) {
        head_.fields.add(name, value);
    }
    has_head_ = true;
    moved_.notify_all();
}

void stepped_upstream::fetch::body(std::string_view some) {
    pieces_.emplace_back(some);
    moved_.notify_all();
}

void stepped_upstream::fetch::finish() {
    finished_ = true;
    moved_.notify_all();
}

void stepped_upstream::fetch::answer(unsigned status, std::string_view content, fields with) {
    head(status, std::move(with), content.size());
    if (!content.empty()) {
        body(content);
    }
    finish();
}

void stepped_upstream::fetch::fail(failure why) {
    why_ = why;
    moved_.notify_all();
}

class stepped_upstream::stepped_exchange final : public upstream::exchange {
public:
    stepped_exchange(stepped_upstream& owner, upstream::repeat how)
        : owner_(owner), fetch_(std::make_shared<fetch>(owner.executor_)) {
        fetch_->how = how;
    }
    ~stepped_exchange() override { fetch_->gone = true; }

    task<failure> send(http::request_head const& head, std::string_view) override {
        return send_head(head);
    }
    task<failure> send_head(http::request_head const& head) override {
        if (owner_.shut_) {
            co_return failure::connect;
        }
        fetch_->request = head;
        owner_.fetches.push_back(fetch_);
        co_return failure::none;
    }
    task<failure> write_body(asio::const_buffer) override { co_return failure::none; }
    task<failure> finish_body() override { co_return failure::none; }

    http::response_head& room_for_head() override { return room_; }
    task<failure> read_head(http::response_head& into) override {
        while (!fetch_->has_head_ && fetch_->why_ == failure::none) {
            co_await fetch_->moved_.wait();
        }
        if (!fetch_->has_head_) {
            co_return fetch_->why_;
        }
        into = fetch_->head_;
        co_return failure::none;
    }

    task<chunk> read_body(asio::mutable_buffer out) override {
        while (fetch_->pieces_.empty() && !fetch_->finished_ && fetch_->why_ == failure::none) {
            co_await fetch_->moved_.wait();
        }
        if (fetch_->pieces_.empty()) {
            co_return chunk{fetch_->finished_ ? failure::none : fetch_->why_, 0};
        }
        auto& piece = fetch_->pieces_.front();
        auto const size = std::min(out.size(), piece.size());
        std::memcpy(out.data(), piece.data(), size);
        piece.erase(0, size);
        if (piece.empty()) {
            fetch_->pieces_.pop_front();
        }
        co_return chunk{failure::none, size};
    }

    void extend(std::chrono::milliseconds) override { ++fetch_->extended; }
    void abort() override { fetch_->fail(failure::broken); }
    bool sent_anything() const override { return true; }
    tcp_socket release(std::string&) override {
        assert(false && "no test of a tunnel uses this fake");
        return tcp_socket(owner_.executor_);
    }

private:
    http::response_head room_;
    stepped_upstream& owner_;
    std::shared_ptr<fetch> fetch_;
};

void stepped_upstream::shut() {
    shut_ = true;
    for (auto const& f : fetches) {
        f->fail(failure::broken);
    }
}

std::unique_ptr<upstream::exchange> stepped_upstream::open(upstream::repeat how,
                                                           std::chrono::milliseconds) {
    return std::make_unique<stepped_exchange>(*this, how);
}

}  // namespace sidecache::test
