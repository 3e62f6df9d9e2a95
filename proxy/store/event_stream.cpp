#include "proxy/store/event_stream.hpp"

#include "proxy/store/backoff.hpp"
#include "proxy/store/credentials.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Between two looks at how much is outstanding.
constexpr milliseconds look_every{2'000};
/// A consumer that has asked for nothing for that long, and owes nothing, is gone.
constexpr milliseconds gone_after = std::chrono::minutes(10);

/// Forgets consumers that are gone. Whether they owe nothing has to be seen in the same moment:
/// what a consumer owes goes with it.
///
/// KEYS 1  the stream      ARGV 1  the group, 2  idle ms
constexpr std::string_view forget_gone = R"lua(
local gone = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local about = {}
    for i = 1, #consumer, 2 do
        about[consumer[i]] = consumer[i + 1]
    end
    if about.pending == 0 and about.idle > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about.name)
        gone = gone + 1
    end
end
return gone
)lua";

/// Forgets this consumer, unless it owes something: then others will claim that.
///
/// KEYS 1  the stream      ARGV 1  the group, 2  the consumer
constexpr std::string_view forget_one = R"lua(
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local about = {}
    for i = 1, #consumer, 2 do
        about[consumer[i]] = consumer[i + 1]
    end
    if about.name == ARGV[2] and about.pending == 0 then
        return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    end
end
return 0
)lua";

milliseconds connect_timeout(config::store const& where) {
    return std::max<milliseconds>(4 * where.timeout, milliseconds(1'000));
}

template <class... Words>
std::string command(Words const&... words) {
    std::string out;
    append_command(out, words...);
    return out;
}

/// The two numbers of an id, for whoever shows it.
std::pair<std::uint64_t, std::uint64_t> numbers_of(std::string_view id) {
    std::pair<std::uint64_t, std::uint64_t> out{0, 0};
    auto const dash = id.find('-');
    if (dash != std::string_view::npos) {
        std::from_chars(id.data(), id.data() + dash, out.first);
        std::from_chars(id.data() + dash + 1, id.data() + id.size(), out.second);
    }
    return out;
}

}  // namespace

event_stream::event_stream(executor const& ex,
                           config::store const& where,
                           config::events const& what,
                           id128 consumer,
                           telemetry::process_metrics& metrics,
                           handler handle)
    : ex_(ex),
      where_(where),
      what_(what),
      name_(consumer.hex()),
      metrics_(metrics),
      handle_(std::move(handle)),
      dial_(where, connect_timeout(where), what.stream),
      way_(ex),
      rest_(ex),
      batch_(what.batch) {}

void event_stream::stop() {
    stopped_ = true;
    rest_.cancel();
}

void event_stream::say(std::string_view what, std::string const& error) {
    if (std::exchange(has_served_, false)) {
        log::warn(what, {{"stream", what_.stream}, {"error", error}});
    }
}

task<void> event_stream::run() {
    backoff pause;
    std::uint64_t chance = 0x9e3779b97f4a7c15U;
    has_served_ = true;
    while (!stopped_) {
        auto const before = steady_clock::now();
        co_await serve();
        metrics_.events_connected.store(0, std::memory_order_relaxed);
        way_.close();
        if (steady_clock::now() - before > std::chrono::seconds(1)) {
            pause.reset();
        }
        chance = chance * 6364136223846793005U + 1442695040888963407U;
        co_await rest(pause.next(chance >> 32U));
    }
}

task<void> event_stream::rest(milliseconds how_long) {
    if (stopped_) {
        co_return;
    }
    rest_.expires_after(how_long);
    auto [ec] = co_await rest_.async_wait(as_tuple);
    (void)ec;
}

task<void> event_stream::serve() {
    bool fine = co_await open();
    if (fine) {
        fine = co_await make_group();
    }
    if (fine && is_oversized_) {
        fine = co_await skip_oversized();
    }
    if (!fine) {
        co_return;
    }
    metrics_.events_connected.store(1, std::memory_order_relaxed);
    if (!std::exchange(has_served_, true)) {
        log::info("the stream of events is read again", {{"stream", what_.stream}});
    }
    fine = co_await read_own();
    claim_at_ = steady_clock::now();
    look_at_ = claim_at_;
    while (fine && !stopped_) {
        if (steady_clock::now() >= claim_at_) {
            fine = co_await claim();
            claim_at_ = steady_clock::now() + what_.claim_after / 2;
        }
        if (fine && !stopped_ && steady_clock::now() >= look_at_) {
            fine = co_await look();
            look_at_ = steady_clock::now() + look_every;
        }
        if (fine && !stopped_) {
            fine = co_await read_new();
        }
    }
    if (fine) {
        co_await leave();
    }
}

task<bool> event_stream::open() {
    auto const patience = connect_timeout(where_);
    way_ = stream(ex_);
    auto const dialled = co_await dial_.connect(way_);
    if (!dialled) {
        say("the stream of events cannot be reached", dialled.error().text);
        co_return false;
    }
    auto const who = read_credentials(where_.user, where_.password, where_.password_file);
    if (!who) {
        say("the stream of events: no password", who.error().text);
        co_return false;
    }
    reader_.emplace(most_bytes);
    // One by one: an error of CLIENT SETNAME, which may be forbidden, is nobody's.
    if (!who->password.empty()) {
        auto login = who->user.empty() ? command("AUTH"sv, who->password)
                                       : command("AUTH"sv, who->user, who->password);
        auto const reply = co_await ask(std::move(login), patience);
        if (!reply || reply->is_error()) {
            say("the stream of events: not let in", reply ? reply->text : "no answer");
            co_return false;
        }
    }
    auto const named =
        co_await ask(command("CLIENT"sv, "SETNAME"sv, "sidecache-stream"sv), patience);
    if (!named) {
        co_return false;
    }
    auto const selected = co_await ask(command("SELECT"sv, where_.database), patience);
    if (!selected || selected->is_error()) {
        say("the stream of events: no such database", selected ? selected->text : "no answer");
        co_return false;
    }
    co_return true;
}

// At '0', the beginning of what the stream holds: whether anybody has handled that before this
// group is made (the first start, or a server that has lost its data) nobody knows, and handling a
// message once more invalidates too much, never too little.
task<bool> event_stream::make_group() {
    auto const made = co_await ask(
        command("XGROUP"sv, "CREATE"sv, what_.stream, what_.group, "0"sv, "MKSTREAM"sv),
        milliseconds(5'000));
    if (!made) {
        say("the stream of events: no answer", "XGROUP");
        co_return false;
    }
    if (made->is_error() && !made->text.starts_with("BUSYGROUP")) {
        say("the stream of events: its group cannot be made", made->text);
        co_return false;
    }
    co_return true;
}

task<bool> event_stream::read_own() {
    std::string last = "0";
    while (!stopped_) {
        auto const reply = co_await ask(command("XREADGROUP"sv,
                                                "GROUP"sv,
                                                what_.group,
                                                name_,
                                                "COUNT"sv,
                                                batch_,
                                                "STREAMS"sv,
                                                what_.stream,
                                                last),
                                        milliseconds(5'000));
        auto const batch = reply ? parse_read(*reply) : std::nullopt;
        if (!batch) {
            say("the stream of events: cannot be read", reply ? reply->text : "no answer");
            co_return false;
        }
        if (batch->empty()) {
            break;
        }
        last = batch->back().id;
        bool const done = co_await take(*batch);
        if (!done) {
            co_return false;
        }
    }
    co_return true;
}

task<bool> event_stream::read_new() {
    auto const reply = co_await ask(command("XREADGROUP"sv,
                                            "GROUP"sv,
                                            what_.group,
                                            name_,
                                            "COUNT"sv,
                                            batch_,
                                            "BLOCK"sv,
                                            block,
                                            "STREAMS"sv,
                                            what_.stream,
                                            ">"sv),
                                    block + milliseconds(5'000));
    if (reply && reply->is_error() && reply->text.starts_with("NOGROUP")) {
        // The server has lost it, and with it the stream.
        auto const made = co_await make_group();
        co_return made;
    }
    auto const batch = reply ? parse_read(*reply) : std::nullopt;
    if (!batch) {
        say("the stream of events: cannot be read", reply ? reply->text : "no answer");
        co_return false;
    }
    if (batch->empty()) {
        co_return true;
    }
    batch_ = what_.batch;
    bool const done = co_await take(*batch);
    co_return done;
}

task<bool> event_stream::claim() {
    std::string from = "0-0";
    do {
        auto const reply = co_await ask(command("XAUTOCLAIM"sv,
                                                what_.stream,
                                                what_.group,
                                                name_,
                                                what_.claim_after,
                                                from,
                                                "COUNT"sv,
                                                batch_),
                                        milliseconds(5'000));
        if (reply && reply->is_error() && reply->text.starts_with("NOGROUP")) {
            auto const made = co_await make_group();
            co_return made;
        }
        auto const got = reply ? parse_claimed(*reply) : std::nullopt;
        if (!got) {
            say("the stream of events: XAUTOCLAIM failed (Redis 6.2 or later is needed)",
                reply ? reply->text : "no answer");
            co_return false;
        }
        if (!got->messages.empty()) {
            log::info("events of a replica that is gone are taken over",
                      {{"stream", what_.stream}, {"messages", got->messages.size()}});
            bool const done = co_await take(got->messages);
            if (!done) {
                co_return false;
            }
        }
        if (got->has_nil) {
            bool const done = co_await read_own();
            if (!done) {
                co_return false;
            }
        }
        from = got->next;
    } while (from != "0-0" && !stopped_);
    auto const tidied =
        co_await ask(command("EVAL"sv, forget_gone, "1"sv, what_.stream, what_.group, gone_after),
                     milliseconds(5'000));
    co_return tidied.has_value();
}

task<bool> event_stream::look() {
    auto const groups =
        co_await ask(command("XINFO"sv, "GROUPS"sv, what_.stream), milliseconds(5'000));
    if (!groups) {
        co_return false;
    }
    auto const about =
        co_await ask(command("XINFO"sv, "STREAM"sv, what_.stream), milliseconds(5'000));
    if (!about) {
        co_return false;
    }
    auto const* const length = about->find("length");
    auto const* const last = about->find("last-generated-id");
    if (length != nullptr && last != nullptr) {
        auto const outstanding =
            parse_outstanding(*groups, what_.group, length->number, last->text);
        if (outstanding) {
            metrics_.events_lag.store(*outstanding, std::memory_order_relaxed);
        }
    }
    co_return true;
}

// One message is larger than a reply may be. Asked for alone it shows which: it is given up, since
// it would come back for ever.
task<bool> event_stream::skip_oversized() {
    is_oversized_ = false;
    if (batch_ > 1) {
        batch_ = 1;
        co_return true;
    }
    auto const reply =
        co_await ask(command("XPENDING"sv, what_.stream, what_.group, "-"sv, "+"sv, "1"sv, name_),
                     milliseconds(5'000));
    if (!reply || !reply->is_array()) {
        co_return false;
    }
    batch_ = what_.batch;
    if (reply->items.empty() || reply->items[0].items.empty()) {
        co_return true;
    }
    auto const& id = reply->items[0].items[0].text;
    log::warn("an event is too large to be read, and is given up",
              {{"stream", what_.stream}, {"id", id}});
    metrics_.events[static_cast<std::size_t>(telemetry::event_outcome::malformed)].fetch_add(
        1, std::memory_order_relaxed);
    auto const done =
        co_await ask(command("XACK"sv, what_.stream, what_.group, id), milliseconds(5'000));
    co_return done.has_value();
}

task<bool> event_stream::take(std::vector<stream_message> const& batch) {
    backoff pause;
    std::uint64_t chance =
        static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count());
    for (;;) {
        auto work = handle_(batch);
        bool const done = co_await std::move(work);
        if (done) {
            break;
        }
        if (stopped_) {
            co_return false;  // others will claim it
        }
        chance = chance * 6364136223846793005U + 1442695040888963407U;
        co_await rest(pause.next(chance >> 32U));
    }
    auto const [ms, number] = numbers_of(batch.back().id);
    metrics_.events_last_ms.store(ms, std::memory_order_relaxed);
    metrics_.events_last_number.store(number, std::memory_order_relaxed);
    bool const told = co_await acknowledge(batch);
    co_return told;
}

task<bool> event_stream::acknowledge(std::vector<stream_message> const& batch) {
    std::string out;
    start_command(out, 3 + batch.size());
    append_word(out, "XACK"sv);
    append_word(out, std::string_view(what_.stream));
    append_word(out, std::string_view(what_.group));
    for (auto const& message : batch) {
        append_word(out, std::string_view(message.id));
    }
    auto const reply = co_await ask(std::move(out), milliseconds(5'000));
    if (!reply) {
        say("the stream of events: no answer", "XACK");
    }
    co_return reply.has_value();
}

task<void> event_stream::leave() {
    auto const left =
        co_await ask(command("EVAL"sv, forget_one, "1"sv, what_.stream, what_.group, name_),
                     milliseconds(1'000));
    (void)left;  // should it fail: forgotten after a while, like one that was killed
}

task<std::optional<resp_tree>> event_stream::ask(std::string command, milliseconds patience) {
    // Closes the socket in time; the socket outlives what waits on it.
    auto const limit = std::make_shared<steady_timer>(ex_);
    auto const watched = std::make_shared<stream*>(&way_);
    limit->expires_after(patience);
    limit->async_wait([limit, watched](error_code ec) {
        if (!ec && *watched != nullptr) {
            (*watched)->close();
        }
    });
    struct watch_over {
        steady_timer& timer;
        stream*& watched;
        ~watch_over() {
            watched = nullptr;
            timer.cancel();
        }
    } const over{*limit, *watched};
    auto [written, sent] = co_await asio::async_write(way_, asio::buffer(command), as_tuple);
    (void)sent;
    if (written) {
        co_return std::nullopt;
    }
    std::array<char, 16'384> piece;
    for (;;) {
        resp_tree reply;
        switch (reader_->next(reply)) {
            case tree_reader::status::complete:
                co_return reply;
            case tree_reader::status::too_large:
                is_oversized_ = true;
                co_return std::nullopt;
            case tree_reader::status::broken:
                co_return std::nullopt;
            case tree_reader::status::partial:
                break;
        }
        auto [ec, n] = co_await way_.async_read_some(asio::buffer(piece), as_tuple);
        if (ec) {
            co_return std::nullopt;
        }
        reader_->feed(std::string_view(piece.data(), n));
    }
}

}  // namespace sidecache::store
