#include "tests/support/stepped_store.hpp"

#include <algorithm>

namespace sidecache::test {

namespace stores = sidecache::store;

std::size_t stepped_store::count(std::string_view command) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](std::string_view line) {
            return line.substr(0, line.find(' ')) == command;
        }));
}

std::shared_ptr<stepped_store::door> stepped_store::add(std::string command, bool reply) {
    auto at = std::make_shared<door>(executor_);
    doors_.push_back({std::move(command), reply, at});
    return at;
}

void stepped_store::open_all() {
    doors_.clear();
    for (auto const& d : reached_) {
        d->open();
    }
}

task<void> stepped_store::pass(std::string_view command, bool reply) {
    auto const found = std::find_if(doors_.begin(), doors_.end(), [&](held const& h) {
        return h.command == command && h.reply == reply;
    });
    if (found == doors_.end()) {
        co_return;
    }
    auto const at = found->at;
    doors_.erase(found);
    at->reached = true;
    reached_.push_back(at);
    while (!at->is_open) {
        co_await at->opened.wait();
    }
}

std::optional<stepped_store::error> stepped_store::failure_of(std::string_view command) const {
    return down_command.empty() || down_command == command ? down : std::nullopt;
}

task<result<stores::reading>> stepped_store::read(std::string_view key,
                                                  rules::tag_list const& tags) {
    calls.push_back("read " + std::string(key));
    co_await pass("read", false);
    if (auto const e = failure_of("read")) {
        co_return make_error_code(*e);
    }
    auto reply = co_await inner_->read(key, tags);
    co_await pass("read", true);
    if (reply) {
        reply->by.checked_at -= checked_before;
    }
    co_return reply;
}

task<result<stores::fill_ground>> stepped_store::begin_fill(stores::fill_request const& r) {
    calls.push_back("begin_fill " + std::string(r.key));
    co_await pass("begin_fill", false);
    if (auto const e = failure_of("begin_fill")) {
        co_return make_error_code(*e);
    }
    auto reply = co_await inner_->begin_fill(r);
    co_await pass("begin_fill", true);
    if (reply) {
        reply->quarantined = reply->quarantined || quarantined;
        reply->by.checked_at -= checked_before;
    }
    co_return reply;
}

task<result<void>> stepped_store::put(stores::put_request const& r) {
    calls.push_back("put " + std::string(r.key));
    co_await pass("put", false);
    if (auto const e = failure_of("put")) {
        co_return make_error_code(*e);
    }
    auto reply = co_await inner_->put(r);
    co_await pass("put", true);
    co_return reply;
}

task<result<void>> stepped_store::release_lock(std::string_view lock_key,
                                               stores::id128 token,
                                               stores::fill_outcome outcome) {
    calls.push_back("release_lock " + std::string(lock_key).append(" ").append(name(outcome)));
    co_await pass("release_lock", false);
    if (auto const e = failure_of("release_lock")) {
        co_return make_error_code(*e);
    }
    auto reply = co_await inner_->release_lock(lock_key, token, outcome);
    co_return reply;
}

task<result<bool>> stepped_store::extend_lock(std::string_view lock_key,
                                              stores::id128 token,
                                              std::chrono::milliseconds ttl) {
    calls.push_back("extend_lock " + std::string(lock_key));
    co_await pass("extend_lock", false);
    if (auto const e = failure_of("extend_lock")) {
        co_return result<bool>(boost::system::in_place_error, make_error_code(*e));
    }
    auto reply = co_await inner_->extend_lock(lock_key, token, ttl);
    co_return reply;
}

task<result<bool>> stepped_store::lock_held(std::string_view lock_key) {
    calls.push_back("lock_held " + std::string(lock_key));
    co_await pass("lock_held", false);
    if (auto const e = failure_of("lock_held")) {
        co_return result<bool>(boost::system::in_place_error, make_error_code(*e));
    }
    auto reply = co_await inner_->lock_held(lock_key);
    co_return reply;
}

task<result<stores::begun>> stepped_store::begin(stores::mutation_id id,
                                                 std::span<stores::begin_mark const> marks,
                                                 std::chrono::milliseconds life,
                                                 std::chrono::milliseconds keep_tags) {
    calls.emplace_back("begin");
    auto reply = co_await inner_->begin(id, marks, life, keep_tags);
    co_return reply;
}

task<result<stores::ended>> stepped_store::end(stores::mutation_id id,
                                               std::span<stores::end_mark const> marks,
                                               std::chrono::milliseconds life,
                                               std::chrono::milliseconds keep_tags) {
    calls.emplace_back("end");
    auto reply = co_await inner_->end(id, marks, life, keep_tags);
    co_return reply;
}

task<result<void>> stepped_store::publish(std::string_view payload) {
    calls.push_back("publish " + std::string(payload));
    auto reply = co_await inner_->publish(payload);
    co_return reply;
}

}  // namespace sidecache::test
