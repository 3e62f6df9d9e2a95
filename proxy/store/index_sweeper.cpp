#include "proxy/store/index_sweeper.hpp"

#include "proxy/store/entry_codec.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

constexpr std::int64_t batch = 128;
/// More than that wait only behind a store that does not answer; what is left out then goes when
/// it expires.
constexpr std::size_t most_tags = 10'000;

}  // namespace

void index_sweeper::add(std::string_view tag) {
    if (tags_.size() >= most_tags || std::find(tags_.begin(), tags_.end(), tag) != tags_.end()) {
        return;
    }
    tags_.emplace_back(tag);
    if (!is_running_) {
        is_running_ = true;
        spawn(node_->loop(), "index sweeper", run(shared_from_this()));
    }
}

task<void> index_sweeper::run(std::shared_ptr<index_sweeper> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    while (!tags_.empty()) {
        auto const tag = std::move(tags_.front());
        tags_.pop_front();
        co_await sweep(tag);
    }
    is_running_ = false;
}

task<bool> index_sweeper::ask(std::size_t commands, reply_set& replies) {
    auto const on = node_->connected();
    auto const until =
        std::chrono::steady_clock::now() + node_->process().settings.connect_timeout();
    auto [error, got] = co_await on->ask(commands, until);
    replies = std::move(got);
    co_return error == store_error::ok && node_->connected() == on;
}

task<void> index_sweeper::sweep(std::string const& tag) {
    reply_set replies;
    reply_set removals;
    // Spared entries go back into the index, to its front: their number is where to go on.
    std::int64_t from = 0;
    while (node_->connected()) {
        auto& out = node_->connected()->commands();
        append_command(out, "GET"sv, prefixed{names::tag, tag});
        append_command(out, "ZRANGE"sv, prefixed{names::index, tag}, from, from + batch - 1);
        auto const read = co_await ask(2, replies);
        if (!read || replies[1].size() == 0) {
            co_return;
        }
        auto const keys = replies[1];
        std::string sign;
        append_tag_bytes(sign, tag, read_tag(replies[0].text()).gen);

        // Out of the index first: a fill that comes between puts its key in again, and its entry
        // is spared.
        auto& more = node_->connected()->commands();
        start_command(more, 2 + keys.size());
        append_word(more, "ZREM"sv);
        append_word(more, prefixed{names::index, tag});
        for (std::size_t i = 0; i < keys.size(); ++i) {
            append_word(more, keys[i].text());
        }
        auto const& digests = node_->present().scripts;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            append_command(more,
                           "EVALSHA"sv,
                           digest_of(digests, script::entry_remove),
                           "1"sv,
                           keys[i].text(),
                           std::string_view(sign));
        }
        auto const removed = co_await ask(1 + keys.size(), removals);
        if (!removed) {
            co_return;
        }
        std::size_t spared = 0;
        std::vector<std::string_view> gone;
        auto& last = node_->connected()->commands();
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (auto const left = removals[1 + i].number(); left > 0) {
                ++spared;
                append_command(last,
                               "EVALSHA"sv,
                               digest_of(digests, script::index_add),
                               "1"sv,
                               prefixed{names::index, tag},
                               keys[i].text(),
                               left);
            } else {
                gone.push_back(keys[i].text());
            }
        }
        // Where they are counted they go last: another rule's key must not get in there, and one
        // that is filled at this very moment is counted again when it is filled next.
        auto const counted =
            gone.empty() ? std::vector<std::string>() : node_->process().counted.under(tag);
        for (auto const& index : counted) {
            start_command(last, 2 + gone.size());
            append_word(last, "ZREM"sv);
            append_word(last, prefixed{names::index, index});
            for (auto const key : gone) {
                append_word(last, key);
            }
        }
        if (spared + counted.size() > 0) {
            auto const restored = co_await ask(spared + counted.size(), removals);
            if (!restored) {
                co_return;
            }
            from += static_cast<std::int64_t>(spared);
        }
    }
}

}  // namespace sidecache::store
