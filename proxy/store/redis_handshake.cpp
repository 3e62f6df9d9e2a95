#include "proxy/store/redis_handshake.hpp"

#include "proxy/store/member_renewal.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/telemetry/log.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

/// Remembers a quarantine that stands in the store (`left`: PTTL's reply), at most for as long as
/// one of ours would last.
void heed_quarantine(redis_process& process, reply const& left) {
    auto const rest =
        std::min(std::chrono::milliseconds(left.number()), process.settings.quarantine);
    if (rest.count() > 0) {
        process.quarantined_until(boot_clock::now() + rest);
    }
}

/// Sets the quarantine and records the identity as `verdict` says. False in the value: somebody
/// else recorded one meanwhile; judge again.
task<result<bool, connect_error>> settle_identity(link& with,
                                                  redis_process& process,
                                                  id128 server,
                                                  identity_memory::verdict verdict) {
    auto const hash = server.hex();
    auto const quarantine = process.settings.quarantine;
    if (verdict.quarantine && quarantine.count() > 0) {
        // Its reply has to be here before the identity is recorded: who finds that recorded trusts
        // that the quarantine was set.
        append_command(with.commands(),
                       "SET"sv,
                       std::string_view(process.quarantine_key(server)),
                       "1"sv,
                       "NX"sv,
                       "PX"sv,
                       quarantine);
        auto const until = deadline_of(process);
        auto [error, replies] = co_await with.ask(1, until);
        if (error != store_error::ok) {
            co_return failed(error);
        }
        if (replies[0].is_error()) {
            co_return failed(store_error::refused, std::string(replies[0].text()));
        }
        process.quarantined_until(boot_clock::now() + quarantine);
        log::warn("another server has taken the store's place: nothing is stored for a while",
                  {{"quarantine_ms", quarantine.count()}});
    }
    if (!verdict.record) {
        co_return true;
    }
    if (verdict.quarantine) {
        append_command(with.commands(), "SET"sv, process.identity_key(), std::string_view(hash));
    } else {
        append_command(
            with.commands(), "SET"sv, process.identity_key(), std::string_view(hash), "NX"sv);
    }
    auto const until = deadline_of(process);
    auto [error, replies] = co_await with.ask(1, until);
    if (error != store_error::ok) {
        co_return failed(error);
    }
    if (replies[0].is_error()) {
        co_return failed(store_error::refused, std::string(replies[0].text()));
    }
    co_return !replies[0].is_nil();
}

/// Reads `sidecache:identity` and does what follows, until nobody interferes.
task<result<void, connect_error>> meet(link& with, redis_process& process, id128 server) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        append_command(with.commands(), "GET"sv, process.identity_key());
        auto const until = deadline_of(process);
        auto [error, replies] = co_await with.ask(1, until);
        if (error != store_error::ok) {
            co_return failed(error);
        }
        auto const recorded = replies[0];
        if (recorded.is_error() && !recorded.text().starts_with("WRONGTYPE")) {
            co_return failed(store_error::refused, std::string(recorded.text()));
        }
        // What is not an identity of ours under our name counts as another one.
        auto const name = recorded.is_nil() ? std::nullopt : std::optional(recorded.text());
        auto const verdict = process.identities.judge(server, name);
        auto const settled = co_await settle_identity(with, process, server, verdict);
        if (!settled) {
            co_return settled.error();
        }
        if (*settled) {
            process.identities.adopt(server);
            co_return result<void, connect_error>();
        }
    }
    co_return failed(store_error::refused, "sidecache:identity changes all the time");
}

/// Gives the own `rule:` tags new generations, if need be: what is stored under them is from a time
/// since when nobody has invalidated it. Tried again with the next heartbeat.
task<void> forget_old_entries(link& with, redis_process& process, session const& s) {
    auto const rules = process.announced();
    if (!rules || !process.rules.has_to_forget()) {
        co_return;
    }
    auto const mutation = process.ids.next();
    for (auto const& name : rules->rule_names) {
        append_command(with.commands(),
                       "EVALSHA"sv,
                       digest_of(s.scripts, script::tag_end),
                       "1"sv,
                       prefixed{names::tag, rules::rule_set::rule_tag(name)},
                       process.ids.next(),
                       forgotten_tags_live,
                       mutation,
                       "b"sv,
                       std::chrono::milliseconds(0));
    }
    auto const count = rules->rule_names.size();
    bool done = count == 0;
    if (count != 0) {
        auto const until = deadline_of(process);
        auto [error, replies] = co_await with.ask(count, until);
        done = error == store_error::ok && first_error(replies, 0, count).empty();
    }
    if (done) {
        process.rules.forgotten();
    }
}

}  // namespace

task<result<void, connect_error>> take_place(
    link& with, redis_process& process, session const& s, id128 label, bool carries) {
    auto const met = co_await meet(with, process, label);
    if (!met) {
        co_return met.error();
    }
    process.members.met(s.last.server, boot_clock::now());
    std::size_t commands = 1;
    append_command(with.commands(), "PTTL"sv, std::string_view(process.quarantine_key(label)));
    auto const renewal = append_renewal(with.commands(), process, s.scripts, carries, true);
    if (renewal) {
        commands += renewal->commands();
    }
    auto const until = deadline_of(process);
    auto [error, replies] = co_await with.ask(commands, until);
    if (error != store_error::ok) {
        co_return failed(error);
    }
    if (auto text = first_error(replies, 0, commands); !text.empty()) {
        co_return failed(store_error::refused, std::move(text));
    }
    heed_quarantine(process, replies[0]);
    if (renewal && !take_renewal(process, *renewal, replies, 1, s.last)) {
        co_return failed(store_error::malformed);
    }
    co_return result<void, connect_error>();
}

task<result<void>> renew_place(link& with, redis_process& process, session const& s, id128 label) {
    std::size_t commands = 1;
    append_command(with.commands(), "PTTL"sv, std::string_view(process.quarantine_key(label)));
    auto const renewal = append_renewal(with.commands(), process, s.scripts, true, false);
    commands += renewal ? renewal->commands() : 0U;
    auto const until = std::chrono::steady_clock::now() + process.settings.where.timeout;
    auto [error, replies] = co_await with.ask(commands, until);
    if (error != store_error::ok) {
        co_return error;
    }
    heed_quarantine(process, replies[0]);
    if (renewal && !take_renewal(process, *renewal, replies, 1, s.last)) {
        co_return store_error::refused;
    }
    co_return result<void>();
}

task<result<session, connect_error>> handshake(link& with, redis_process& process, bool carries) {
    auto s = co_await greet(with, process);
    if (!s) {
        co_return s.error();
    }
    auto const placed = co_await take_place(with, process, *s, s->last.server, carries);
    if (!placed) {
        co_return placed.error();
    }
    co_await forget_old_entries(with, process, *s);
    co_return s;
}

task<result<check>> heartbeat(link& with, redis_process& process, session const& s, bool carries) {
    append_identity_check(with.commands());
    append_command(
        with.commands(), "PTTL"sv, std::string_view(process.quarantine_key(s.last.server)));
    std::size_t commands = identity_commands + 1;
    std::optional<renewing> renewal;
    if (carries) {
        renewal = append_renewal(with.commands(), process, s.scripts, true, false);
        commands += renewal ? renewal->commands() : 0U;
    }
    auto const sent_at = boot_clock::now();
    auto const until = std::chrono::steady_clock::now() + process.settings.where.timeout;
    auto [error, replies] = co_await with.ask(commands, until);
    if (error != store_error::ok) {
        co_return error;
    }
    auto const who = read_identity(replies, 0, sent_at);
    if (!who) {
        co_return store_error::malformed;
    }
    if (!who->first.is_primary()) {
        co_return store_error::not_primary;
    }
    heed_quarantine(process, replies[identity_commands]);
    if (renewal && !take_renewal(process, *renewal, replies, identity_commands + 1, who->second)) {
        // Whoever is not listed is not asked about its rules: a new handshake lists this member.
        co_return store_error::refused;
    }
    if (carries) {
        co_await forget_old_entries(with, process, s);
    }
    co_return who->second;
}

task<void> leave(link& with, redis_process const& process) {
    append_command(with.commands(), "HDEL"sv, names::members, process.member);
    auto const until = std::chrono::steady_clock::now() + process.settings.where.timeout;
    auto [error, replies] = co_await with.ask(1, until);
    (void)error;  // a listing that stays behind lapses
    (void)replies;
}

}  // namespace sidecache::store
