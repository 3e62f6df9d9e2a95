#include "proxy/store/sentinel_watch.hpp"

#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/store/stream_deadline.hpp"

#include <sstream>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view channel = "+switch-master";

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
      on_(ex),
      rest_(ex),
      look_rest_(ex) {}

void sentinel_watch::start() {
    spawn(ex_, "sentinel watch", listen(shared_from_this()));
    spawn(ex_, "sentinel look", look(shared_from_this()));
}

void sentinel_watch::stop() {
    stopped_ = true;
    on_.close();
    rest_.cancel();
    look_rest_.cancel();
}

task<void> sentinel_watch::listen(std::shared_ptr<sentinel_watch> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    while (!stopped_) {
        auto const all = directory_.known();
        for (auto const& at : all) {
            if (!stopped_) {
                co_await listen_to(at);
            }
        }
        if (stopped_) {
            break;
        }
        rest_.expires_after(std::chrono::seconds(1));
        auto [ec] = co_await rest_.async_wait(as_tuple);
        (void)ec;
    }
}

task<void> sentinel_watch::listen_to(config::endpoint at) {
    on_ = stream(ex_);
    auto const reached = co_await way_.connect(on_, at);
    auto const us = directory_.who();
    if (!reached || !us || stopped_) {
        co_return;
    }
    conversation with(on_);
    std::string out;
    auto replies = append_greeting(out, *us, "sidecache-sentinel");
    append_command(out, "SUBSCRIBE"sv, channel);
    ++replies;
    auto const said = co_await with.say(std::move(out));
    if (!said) {
        co_return;
    }
    while (!stopped_) {
        // Silent for two PINGs: it has stopped.
        stream_deadline const limit(on_, 2 * interval);
        auto const heard = co_await with.hear();
        if (!heard) {
            break;
        }
        if (replies > 0) {
            listens_ = --replies == 0 && !heard->is_error();
            if (replies == 0 && !listens_) {
                break;  // may not; `look` goes on
            }
        } else if (heard->items.size() == 3 && heard->items[0].text == "message") {
            take(heard->items[2].text);
        }
    }
    listens_ = false;
}

/// "NAME OLD-IP OLD-PORT NEW-IP NEW-PORT".
void sentinel_watch::take(std::string const& message) {
    std::istringstream words(message);
    std::string name;
    std::string old_host;
    std::string old_port;
    config::endpoint now;
    words >> name >> old_host >> old_port >> now.host >> now.port;
    if (words && name == directory_.master_name()) {
        directory_.note_primary(std::move(now));
        moved_();
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
        auto const named = co_await directory_.ask(ex_);
        if (stopped_) {
            break;
        }
        if (named) {
            moved_();
        }
        if (listens_) {
            // Its reply keeps the one that we listen to from being given up as silent.
            std::string ping;
            append_command(ping, "PING"sv);
            conversation with(on_);
            auto const said = co_await with.say(std::move(ping));
            (void)said;
        }
    }
}

}  // namespace sidecache::store
