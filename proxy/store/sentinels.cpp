#include "proxy/store/sentinels.hpp"

#include "proxy/async/event.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/store/stream_deadline.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

/// More Sentinels than anybody runs are not remembered.
constexpr std::size_t most_known = 64;
/// So long the others are waited for when one has answered: one that hangs must not cost more.
constexpr std::chrono::milliseconds slower{200};

std::optional<config::endpoint> endpoint_of(std::string const& host, std::string const& port) {
    config::endpoint e{host, 0};
    auto const* const end = port.data() + port.size();
    auto const [stop, error] = std::from_chars(port.data(), end, e.port);
    if (host.empty() || error != std::errc{} || stop != end || e.port == 0) {
        return std::nullopt;
    }
    return e;
}

/// 0: not a number.
std::uint64_t number_of(std::string const& text) {
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

/// From the reply to SENTINEL SENTINELS: a flat list of names and values for each.
std::vector<config::endpoint> others_of(resp_tree const& all) {
    std::vector<config::endpoint> out;
    for (auto const& one : all.items) {
        std::string host;
        std::string port;
        for (std::size_t i = 0; i + 1 < one.items.size(); i += 2) {
            if (one.items[i].text == "ip") {
                host = one.items[i + 1].text;
            } else if (one.items[i].text == "port") {
                port = one.items[i + 1].text;
            }
        }
        if (auto at = endpoint_of(host, port)) {
            out.push_back(std::move(*at));
        }
    }
    return out;
}

connect_error failed(store_error code, std::string text) {
    return {code, std::move(text)};
}

}  // namespace

sentinels::sentinels(config::store const& where, connector& way)
    : master_name_(where.master_name),
      access_(where.sentinel),
      way_(way),
      known_(where.sentinel_addresses) {}

result<credentials, connect_error> sentinels::who() const {
    return read_credentials(access_.user, access_.password, access_.password_file);
}

std::vector<config::endpoint> sentinels::known() const {
    std::scoped_lock const guard(mutex_);
    return known_;
}

std::optional<config::endpoint> sentinels::primary() const {
    std::scoped_lock const guard(mutex_);
    return latest_ ? std::optional(latest_->primary) : std::nullopt;
}

void sentinels::take(word const& said) {
    std::scoped_lock const guard(mutex_);
    if (!latest_ || said.epoch >= latest_->epoch) {
        latest_ = said;
    }
}

void sentinels::learn(std::vector<config::endpoint> others) {
    std::scoped_lock const guard(mutex_);
    for (auto& one : others) {
        if (known_.size() < most_known &&
            std::find(known_.begin(), known_.end(), one) == known_.end()) {
            known_.push_back(std::move(one));
        }
    }
}

/// Everybody is asked at once.
struct sentinels::round {
    explicit round(executor const& ex) : loop(ex), news(ex) {}
    executor loop;
    std::vector<config::endpoint> asked;
    std::vector<std::optional<result<word, connect_error>>> said;
    std::size_t under_way = 0;
    event news;
};

task<void> sentinels::go(std::shared_ptr<round> on, std::size_t i) {
    // `on` keeps the round alive for as long as the coroutine runs.
    auto said = co_await ask_one(on->loop, on->asked[i]);
    if (said) {
        take(*said);
    }
    on->said[i] = std::move(said);
    --on->under_way;
    on->news.notify_all();
}

task<result<config::endpoint, connect_error>> sentinels::ask(executor ex) {
    auto const on = std::make_shared<round>(ex);
    on->asked = known();
    on->said.resize(on->asked.size());
    on->under_way = on->asked.size();
    for (std::size_t i = 0; i < on->asked.size(); ++i) {
        spawn(ex, "sentinel", go(on, i));
    }
    auto const has_word = [&] {
        return std::any_of(on->said.begin(), on->said.end(), [](auto const& s) { return s && *s; });
    };
    while (on->under_way != 0 && !has_word()) {
        co_await on->news.wait();
    }
    if (on->under_way != 0) {
        steady_timer patience(ex, slower);
        patience.async_wait([on](error_code) { on->news.notify_all(); });
        while (on->under_way != 0 && patience.expiry() > std::chrono::steady_clock::now()) {
            co_await on->news.wait();
        }
    }
    if (has_word()) {
        // The latest that was ever said: who says less has not heard of it yet.
        co_return *primary();
    }
    std::string heard;
    auto code = store_error::unreachable;
    for (std::size_t i = 0; i < on->asked.size(); ++i) {
        auto const& error = on->said[i]->error();
        code = error.code;
        heard += (heard.empty() ? "" : "; ") + on->asked[i].text() + ": " + error.text;
    }
    co_return failed(code, "no Sentinel names a primary (" + heard + ")");
}

task<result<sentinels::word, connect_error>> sentinels::ask_one(executor ex, config::endpoint at) {
    stream on(ex);
    auto const reached = co_await way_.connect(on, at);
    if (!reached) {
        co_return reached.error();
    }
    stream_deadline const limit(on, way_.timeout());
    auto const timed_out = failed(store_error::timeout, "no answer in time");
    auto const us = who();
    if (!us) {
        co_return us.error();
    }
    std::string out;
    auto const greeting = append_greeting(out, *us, "sidecache");
    append_command(out, "SENTINEL"sv, "get-master-addr-by-name"sv, std::string_view(master_name_));
    append_command(out, "SENTINEL"sv, "master"sv, std::string_view(master_name_));
    append_command(out, "SENTINEL"sv, "sentinels"sv, std::string_view(master_name_));
    conversation with(on);
    auto const said = co_await with.say(std::move(out));
    if (!said) {
        co_return limit.passed() ? timed_out : said.error();
    }
    auto const greeted = co_await with.hear_greeting(greeting);
    if (!greeted) {
        co_return limit.passed() ? timed_out : greeted.error();
    }
    auto const named = co_await with.hear();
    if (!named) {
        co_return limit.passed() ? timed_out : named.error();
    }
    if (named->is_error()) {
        co_return failed(store_error::refused, named->text);
    }
    if (named->items.size() != 2) {
        co_return failed(store_error::refused,
                         "it watches over no master named \"" + master_name_ + "\"");
    }
    auto const primary = endpoint_of(named->items[0].text, named->items[1].text);
    if (!primary) {
        co_return failed(store_error::malformed, "it names no address");
    }
    // Asked behind the address: of no earlier configuration, at least. Where that is not permitted
    // whoever answers last is believed.
    auto const about = co_await with.hear();
    if (!about) {
        co_return limit.passed() ? timed_out : about.error();
    }
    word said_so{*primary, 0};
    if (auto const* const epoch = about->find("config-epoch")) {
        said_so.epoch = number_of(epoch->text);
    }
    auto const others = co_await with.hear();
    if (others) {
        learn(others_of(*others));
    }
    co_return said_so;
}

}  // namespace sidecache::store
