#include "proxy/store/cluster_sweeper.hpp"

#include "proxy/store/entry_codec.hpp"
#include "proxy/store/redis_names.hpp"
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

constexpr call_plan plan{telemetry::store_command::end};

void add_forget(cluster_batch& to, std::string const& index, std::vector<std::string> const& keys) {
    std::string text;
    start_command(text, 2 + keys.size());
    append_word(text, "ZREM"sv);
    append_word(text, std::string_view(index));
    for (auto const& key : keys) {
        append_word(text, std::string_view(key));
    }
    to.add_text(index, std::move(text));
}

std::string index_of(std::string_view tag) {
    return std::string(names::index).append(tag);
}

}  // namespace

void cluster_sweeper::add(std::string_view tag) {
    if (tags_.size() >= most_tags || std::find(tags_.begin(), tags_.end(), tag) != tags_.end()) {
        return;
    }
    tags_.emplace_back(tag);
    if (!is_running_) {
        is_running_ = true;
        spawn(cluster_->loop(), "index sweeper", run(shared_from_this()));
    }
}

task<void> cluster_sweeper::run(std::shared_ptr<cluster_sweeper> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    while (!tags_.empty()) {
        auto tag = std::move(tags_.front());
        tags_.pop_front();
        co_await sweep(std::move(tag));
    }
    is_running_ = false;
}

task<void> cluster_sweeper::sweep(std::string tag) {
    auto const index = index_of(tag);
    auto const tag_key = std::string(names::tag) + tag;
    // Spared entries go back into the index, to its front: their number is where to go on.
    std::int64_t from = 0;
    while (true) {
        auto const look = std::make_shared<cluster_batch>();
        look->add(tag_key, "GET"sv, std::string_view(tag_key));
        look->add(index, "ZRANGE"sv, std::string_view(index), from, from + batch - 1);
        auto const read = co_await cluster_->ask(plan, look);
        if (read.error != store_error::ok || read[1].size() == 0) {
            co_return;
        }
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < read[1].size(); ++i) {
            keys.emplace_back(read[1][i].text());
        }
        auto const gen = as_told_by(read.replies[0].server, read_tag(read[0].text()).gen);
        std::string sign;
        append_tag_bytes(sign, tag, gen);

        // Out of the index first: a fill that comes between puts its key in again, and its entry
        // is spared.
        auto const out = std::make_shared<cluster_batch>();
        add_forget(*out, index, keys);
        auto const taken = co_await cluster_->ask(plan, out);
        if (taken.error != store_error::ok) {
            co_return;
        }
        auto const removal = std::make_shared<cluster_batch>();
        for (auto const& key : keys) {
            removal->add_script(script::entry_remove, key, std::string_view(sign));
        }
        auto const removed = co_await cluster_->ask(plan, removal);
        if (removed.error != store_error::ok) {
            co_return;
        }
        std::vector<std::string> gone;
        auto const last = std::make_shared<cluster_batch>();
        std::int64_t spared = 0;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (auto const left = removed[i].number(); left > 0) {
                ++spared;
                last->add_script(script::index_add, index, std::string_view(keys[i]), left);
            } else {
                gone.push_back(keys[i]);
            }
        }
        // Where they are counted they go last: another rule's key must not get in there.
        auto const counted =
            gone.empty() ? std::vector<std::string>() : cluster_->process().counted.under(tag);
        for (auto const& other : counted) {
            add_forget(*last, index_of(other), gone);
        }
        if (last->size() > 0) {
            auto const restored = co_await cluster_->ask(plan, last);
            if (restored.error != store_error::ok) {
                co_return;
            }
            from += spared;
        }
    }
}

}  // namespace sidecache::store
