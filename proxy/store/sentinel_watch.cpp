#include "proxy/store/sentinel_watch.hpp"

#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/store/stream_deadline.hpp"

#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

/// What a Sentinel says when it has made another server primary, or heard of it; and, earlier, when
/// the server that it has chosen has become one: from then on it names that one to whoever asks.
constexpr std::string_view switched = "+switch-master";
constexpr std::string_view promoted = "+promoted-slave";

}  // namespace

sentinel_watch::sentinel_watch(executor const& ex,
                               std::shared_ptr<void> keep,
                               sentinels& directory,
                               connector& way,
                               std::function<void()> moved)
    : ex_(ex),
      keep_(std::move(keep)),
      directory_(directory),
      way_(way),
      moved_(std::move(moved)),
      look_rest_(ex) {}

void sentinel_watch::start() {
    listen_to_all();
    spawn(ex_, "sentinel look", look(shared_from_this()));
}

void sentinel_watch::stop() {
    stopped_ = true;
    for (auto const& [at, with] : ears_) {
        with->on.close();
        with->rest.cancel();
    }
    look_rest_.cancel();
}

void sentinel_watch::listen_to_all() {
    auto const all = directory_.known();
    for (auto const& at : all) {
        auto const [place, is_new] = ears_.try_emplace(at.text());
        if (is_new) {
            place->second = std::make_shared<ear>(ex_, at);
            spawn(ex_, "sentinel watch", listen(shared_from_this(), place->second));
        }
    }
}

task<void> sentinel_watch::listen(std::shared_ptr<sentinel_watch> self, std::shared_ptr<ear> with) {
    // `self` and `with` keep what is used alive for as long as the coroutine runs.
    while (!stopped_) {
        co_await listen_to(*with);
        if (stopped_) {
            break;
        }
        with->rest.expires_after(std::chrono::seconds(1));
        auto [ec] = co_await with->rest.async_wait(as_tuple);
        (void)ec;
    }
}

task<void> sentinel_watch::listen_to(ear& e) {
    e.on = stream(ex_);
    auto const reached = co_await way_.connect(e.on, e.at);
    auto const us = directory_.who();
    if (!reached || !us || stopped_) {
        co_return;
    }
    conversation with(e.on);
    std::string out;
    auto const greeting = append_greeting(out, *us, "sidecache-sentinel");
    append_command(out, "SUBSCRIBE"sv, switched);
    append_command(out, "SUBSCRIBE"sv, promoted);  // may be refused: then it is the other alone
    auto const said = co_await with.say(std::move(out));
    if (!said) {
        co_return;
    }
    std::size_t heard_so_far = 0;
    while (!stopped_) {
        // Silent for two PINGs: it has stopped.
        stream_deadline const limit(e.on, 2 * interval);
        auto const heard = co_await with.hear();
        if (!heard) {
            break;
        }
        if (heard_so_far < greeting + 2) {
            if (heard_so_far++ == greeting) {
                e.listens = !heard->is_error();
                if (!e.listens) {
                    break;  // may not; `look` goes on
                }
                // What it has said before it was listened to.
                co_await ask();
            }
        } else if (heard->items.size() == 3 && heard->items[0].text == "message") {
            co_await ask();
        }
    }
    e.listens = false;
}

task<void> sentinel_watch::ask() {
    auto const named = co_await directory_.ask(ex_);
    if (named && !stopped_) {
        moved_();
        listen_to_all();  // those that it knows, too
    }
}

task<void> sentinel_watch::look(std::shared_ptr<sentinel_watch> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    while (!stopped_) {
        look_rest_.expires_after(interval);
        auto [ec] = co_await look_rest_.async_wait(as_tuple);
        (void)ec;
        if (stopped_) {
            break;
        }
        co_await ask();
        std::string ping;
        append_command(ping, "PING"sv);
        auto const all = ears_;
        for (auto const& [at, e] : all) {
            if (e->listens && !stopped_) {
                // Its reply keeps the one that we listen to from being given up as silent.
                conversation with(e->on);
                auto const said = co_await with.say(ping);
                (void)said;
            }
        }
    }
}

}  // namespace sidecache::store
