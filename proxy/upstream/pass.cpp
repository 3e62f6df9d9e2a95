#include "proxy/upstream/pass.hpp"

#include "proxy/async/scope.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/forwarded.hpp"

#include <boost/asio/buffer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::upstream {

namespace {

using std::chrono::steady_clock;

/// What is in flight of one body, in either direction.
constexpr std::size_t piece_size = 32 << 10;

/// How long an upstream may leave `Expect: 100-continue` unanswered before the content is sent
/// anyway (RFC 9110 section 10.1.1: no client waits for ever).
constexpr std::chrono::milliseconds continue_patience{1'000};

/// The request's content on its way up, beside the answer on its way down.
struct upload {
    upload(executor const& ex, bool waits) : patience(ex) {
        patience.expires_after(waits ? continue_patience : std::chrono::milliseconds(0));
    }
    steady_timer patience;    // cancelled when the upstream says 100
    bool stopped = false;     // nobody wants the rest
    error_code client_error;  // the content could not be read
};

task<void> send_content(http::downstream& client,
                        exchange& out,
                        pass_options const& options,
                        upload& state) {
    auto const [waited] = co_await state.patience.async_wait(as_tuple);
    (void)waited;
    if (state.stopped) {
        co_return;
    }
    auto const early = co_await out.write_body(asio::buffer(options.read_before));
    if (early != failure::none) {
        co_return;
    }
    std::vector<char> piece(piece_size);
    while (!state.stopped) {
        out.await_content();
        auto const count = co_await client.read_body(asio::buffer(piece));
        if (state.stopped) {
            co_return;
        }
        if (!count) {
            state.client_error = count.error();
            // Half a request must not look like a whole one: the connection goes.
            out.abort();
            co_return;
        }
        if (*count == 0) {
            (void)co_await out.finish_body();
            co_return;
        }
        out.extend(options.deadline);
        auto const sent = co_await out.write_body(asio::buffer(piece.data(), *count));
        if (sent != failure::none) {
            co_return;  // whoever reads the answer finds out why
        }
    }
}

task<void> answer_failure(http::downstream& client,
                          pass_options const& options,
                          error_code client_error,
                          pass_outcome& outcome) {
    http::refusal because{outcome.why == failure::timeout ? 504U : 502U, {}};
    switch (outcome.why) {
        case failure::connect:
            because.why = "the upstream takes no connection";
            break;
        case failure::timeout:
            because.why = "the upstream did not answer in time";
            break;
        case failure::malformed:
            because.why = "the upstream's answer is not valid HTTP";
            break;
        case failure::none:
        case failure::broken:
        case failure::truncated:
            because.why = "the upstream closed the connection without an answer";
            break;
    }
    if (client_error) {
        because = http::refusal_of(client_error);
        if (!because) {
            co_return;  // the client has gone away
        }
        outcome.why = failure::none;
        client.close_after_answer();
    }
    auto answer = http::error_answer(because.status, because.why);
    for (auto const& f : options.extra) {
        answer.head.fields.add(f.name, f.value);
    }
    auto const failed = co_await client.send(answer.head, answer.body);
    if (!failed) {
        outcome.status = because.status;
        outcome.bytes = answer.body.size();
    }
}

bool is_interim(http::response_head const& head) {
    return head.status / 100 == 1 && head.status != 101;
}

/// Reads on until the final head, behind an interim one; those go to the client. `state`: null
/// where no content is on its way up.
task<failure> read_final_head(http::downstream& client,
                              exchange& in,
                              upload* state,
                              http::response_head& head) {
    while (is_interim(head)) {
        if (head.status == 100) {
            // Ours to say: the session does when the content is first asked for.
            if (state != nullptr) {
                state->patience.cancel();
            }
        } else {
            auto const gone = co_await client.interim(head);
            if (gone) {
                co_return failure::broken;
            }
        }
        auto const failed = co_await in.read_head(head);
        if (failed != failure::none) {
            co_return failed;
        }
    }
    co_return failure::none;
}

/// What goes to the client besides the upstream's own fields, and to who asks for the head.
void finish_head(pass_options const& options, http::response_head& head) {
    if (options.seen != nullptr) {
        *options.seen = head;
    }
    for (auto const& f : options.extra) {
        head.fields.add(f.name, f.value);
    }
}

/// A small answer usually came with its head: then it goes on as it came, in one write, and needs
/// no coroutine. Whether that was all of it; otherwise `send_answer` does the rest.
bool send_answer_now(http::downstream& client,
                     exchange::ready const& first,
                     http::response_head const& head,
                     pass_outcome& outcome) {
    if (!first.complete || !client.start_now(head, asio::buffer(first.bytes), true)) {
        return false;
    }
    outcome.status = head.status;
    outcome.bytes = first.bytes.size();
    return true;
}

task<void> send_answer(http::downstream& client,
                       exchange& in,
                       pass_options const& options,
                       exchange::ready first,
                       http::response_head const& head,
                       pass_outcome& outcome) {
    auto const not_started =
        co_await client.start_with(head, asio::buffer(first.bytes), first.complete);
    if (not_started) {
        if (!first.complete) {
            in.abort();
        }
        co_return;
    }
    outcome.status = head.status;
    outcome.bytes = first.bytes.size();
    if (first.complete) {
        co_return;
    }
    in.extend(options.deadline);
    auto const piece = std::make_unique_for_overwrite<char[]>(piece_size);
    for (;;) {
        auto const some = co_await in.read_body(asio::buffer(piece.get(), piece_size));
        if (some.why != failure::none) {
            outcome.why = some.why;  // not finished, so the client's connection breaks, too
            co_return;
        }
        if (some.size == 0) {
            (void)co_await client.finish();
            co_return;
        }
        in.extend(options.deadline);
        auto const gone = co_await client.write(asio::buffer(piece.get(), some.size));
        if (gone) {
            in.abort();
            co_return;
        }
        outcome.bytes += some.size;
    }
}

task<void> send_tunnel(http::downstream& client,
                       exchange& out,
                       http::response_head const& head,
                       pass_outcome& outcome) {
    std::string already_read;
    auto socket = out.release(already_read);
    outcome.status = head.status;
    (void)co_await client.tunnel(head, std::move(socket), already_read);
}

http::request_head prepare(http::downstream const& client, pass_options const& options) {
    if (options.how_it_came != nullptr) {
        return http::prepare_upstream_request(client.request(), *options.how_it_came);
    }
    http::arrival const from{client.peer(), options.fallback_host};
    return http::prepare_upstream_request(client.request(), from);
}

/// A request whose content, if any, is at hand: what most are. Its frame is kept small, so that
/// Asio keeps it for the next one, and what usually needs no waiting is no coroutine.
task<pass_outcome> pass_whole(http::downstream& client,
                              upstream::client& up,
                              pass_options options) {
    pass_outcome outcome;
    auto const began = steady_clock::now();
    auto const out = up.open(options.how, options.deadline);
    std::unique_ptr<http::request_head> made;
    bool const can_be_rendered = options.head == nullptr && options.how_it_came != nullptr &&
                                 options.read_before.empty() && !client.request().has_content();
    if (!can_be_rendered || !out->send_now(client.request(), *options.how_it_came)) {
        if (options.head == nullptr) {
            made = std::make_unique<http::request_head>(prepare(client, options));
            options.head = made.get();
        }
        outcome.why = co_await out->send(*options.head, options.read_before);
    }
    auto& head = out->room_for_head();
    if (outcome.why == failure::none) {
        outcome.why = co_await out->read_head(head);
    }
    if (outcome.why == failure::none && is_interim(head)) {
        outcome.why = co_await read_final_head(client, *out, nullptr, head);
    }
    if (outcome.why == failure::none && head.status == 101) {
        outcome.why = failure::malformed;  // nobody asked for an upgrade
    }
    outcome.upstream = steady_clock::now() - began;
    if (outcome.why == failure::none) {
        finish_head(options, head);
        auto const first = out->take_ready();
        if (!send_answer_now(client, first, head, outcome)) {
            co_await send_answer(client, *out, options, first, head, outcome);
        }
    }
    if (outcome.why != failure::none && outcome.status == 0 && !client.answered()) {
        co_await answer_failure(client, options, error_code{}, outcome);
    }
    co_return outcome;
}

/// A request whose content is read while it is sent, or which asks for another protocol: over a
/// connection of its own.
task<pass_outcome> pass_streamed(http::downstream& client,
                                 upstream::client& up,
                                 pass_options options,
                                 bool streams) {
    auto const ex = co_await asio::this_coro::executor;
    http::request_head made;
    if (options.head == nullptr) {
        made = prepare(client, options);
        options.head = &made;
    }
    pass_outcome outcome;
    auto const began = steady_clock::now();
    auto out = up.open(repeat::never, options.deadline);
    if (streams) {
        outcome.why = co_await out->send_head(*options.head);
    } else {
        outcome.why = co_await out->send(*options.head, options.read_before);
    }
    std::optional<upload> state;
    std::optional<scope> beside;
    if (streams) {
        state.emplace(ex, options.head->expects_continue);
        beside.emplace(ex);
        if (outcome.why == failure::none) {
            beside->spawn("upload", send_content(client, *out, options, *state));
        }
    }
    auto& head = out->room_for_head();
    if (outcome.why == failure::none) {
        outcome.why = co_await out->read_head(head);
    }
    if (outcome.why == failure::none && is_interim(head)) {
        outcome.why = co_await read_final_head(client, *out, state ? &*state : nullptr, head);
    }
    outcome.upstream = steady_clock::now() - began;
    bool const switches = outcome.why == failure::none && head.status == 101;
    if (outcome.why == failure::none && !switches) {
        finish_head(options, head);
        auto const first = out->take_ready();
        co_await send_answer(client, *out, options, first, head, outcome);
    }
    // The answer is out, or there will be none: the rest of the content has no reader.
    error_code client_error;
    if (state) {
        state->stopped = true;
        beside->cancel();
        co_await beside->join();
        client_error = state->client_error;
    }
    if (switches) {
        co_await send_tunnel(client, *out, head, outcome);
        co_return outcome;
    }
    if (outcome.why != failure::none && outcome.status == 0 && !client.answered()) {
        co_await answer_failure(client, options, client_error, outcome);
    }
    co_return outcome;
}

}  // namespace

task<pass_outcome> pass(http::downstream& client, upstream::client& up, pass_options options) {
    auto const& request = client.request();
    bool const streams = !options.read_all && request.has_content();
    if (streams || request.upgrade) {
        return pass_streamed(client, up, options, streams);
    }
    return pass_whole(client, up, options);
}

}  // namespace sidecache::upstream
