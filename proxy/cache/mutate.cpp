#include "proxy/cache/mutate.hpp"

#include "proxy/cache/asker.hpp"
#include "proxy/cache/mutation_run.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/rejection.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/downstream.hpp"

#include <array>
#include <utility>

// The client's side of a mutation. The other side, which goes on without the client, is
// mutation_run.cpp; between the two there is only what a `conversation` holds.
namespace sidecache::cache {

namespace {

constexpr std::size_t piece_size = std::size_t{16} * 1024;

/// Tells the other side that nobody listens any more, however this side ends.
class farewell {
public:
    explicit farewell(conversation& talk) : talk_(talk) {}
    farewell(farewell const&) = delete;
    farewell& operator=(farewell const&) = delete;
    ~farewell() {
        talk_.upload.finish(false);
        talk_.download.leave();
    }

private:
    conversation& talk_;
};

/// Reads the content up to `most` bytes and a little: a slow sender must not hold markers
/// (protocol.md section 3.1). `talk.body_whole` says whether that was all.
task<error_code> read_first(http::downstream& client, conversation& talk, std::size_t most) {
    auto const& head = client.request();
    if (head.body == http::framing::none) {
        talk.body_whole = true;
        co_return error_code();
    }
    if (head.body == http::framing::length && head.content_length > most) {
        co_return error_code();
    }
    std::array<char, piece_size> buffer;
    while (talk.body.size() <= most) {
        auto const got = co_await client.read_body(asio::buffer(buffer));
        if (!got) {
            co_return got.error();
        }
        if (*got == 0) {
            talk.body_whole = true;
            co_return error_code();
        }
        talk.body.append(buffer.data(), *got);
    }
    co_return error_code();
}

/// Hands the rest of a large content on, while the other side wants it.
task<error_code> read_rest(http::downstream& client, conversation& talk) {
    std::array<char, piece_size> buffer;
    for (;;) {
        auto const got = co_await client.read_body(asio::buffer(buffer));
        if (!got) {
            talk.upload.finish(false);
            co_return got.error();
        }
        if (*got == 0) {
            talk.upload.finish(true);
            co_return error_code();
        }
        auto const wanted = co_await talk.upload.put(std::string_view(buffer.data(), *got));
        if (!wanted) {
            co_return error_code();
        }
    }
}

/// What a client gets whose content could not be read; nothing, when it has gone away.
task<void> refuse_content(worker_parts const& parts,
                          http::downstream& client,
                          error_code why,
                          mutation_report& report) {
    client.close_after_answer();
    auto const refusal = http::refusal_of(why);
    if (!refusal) {
        co_return;
    }
    auto answer = http::error_answer(refusal.status, refusal.why);
    report.outcome = count_rejection(parts, refusal.status, answer.head);
    auto const sent = co_await client.send(answer.head, answer.body);
    (void)sent;
}

task<void> relay_stream(http::downstream& client, conversation& talk) {
    auto const failed = co_await client.start(talk.head);
    if (failed) {
        co_return;
    }
    std::string piece;
    for (;;) {
        auto const next = co_await talk.download.take(piece);
        if (next == handoff::taken::piece) {
            auto const broken = co_await client.write(asio::buffer(piece));
            if (broken) {
                co_return;
            }
        } else {
            if (next == handoff::taken::whole) {
                auto const sent = co_await client.finish();
                (void)sent;
            }
            co_return;  // one that was cut short is broken off here, too
        }
    }
}

}  // namespace

task<void> mutate(worker_parts const& parts,
                  std::shared_ptr<snapshot const> snap,
                  http::downstream& client,
                  asker const* who,
                  mutation_report& report) {
    auto const talk = std::make_shared<conversation>(parts.ex);
    talk->request = client.request();
    talk->peer = client.peer();
    talk->who = who == nullptr ? nullptr : who->who();
    auto failed = co_await read_first(client, *talk, snap->config->limits.max_mutation_body);
    if (failed) {
        co_await refuse_content(parts, client, failed, report);
        co_return;
    }
    farewell const bye(*talk);
    parts.background.spawn("mutation", run_mutation(parts, snap, talk));
    if (!talk->body_whole) {
        failed = co_await read_rest(client, *talk);
    }
    while (talk->answer == conversation::kind::none) {
        co_await talk->answered.wait();
    }
    report = talk->report;
    if (who != nullptr && report.purges.empty() && report.outcome != "unchanged") {
        who->forget();
    }
    if (failed) {
        co_await refuse_content(parts, client, failed, report);
        co_return;
    }
    switch (talk->answer) {
        case conversation::kind::none:
            break;
        case conversation::kind::held: {
            auto const sent = co_await client.send(talk->head, talk->content);
            (void)sent;  // a client that has gone away: the session sees it, too
            break;
        }
        case conversation::kind::streamed:
            co_await relay_stream(client, *talk);
            break;
    }
}

}  // namespace sidecache::cache
