#include "proxy/store/redis_handshake.hpp"

#include "proxy/store/members.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/rights.hpp"
#include "proxy/telemetry/log.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t identity_commands = 3;
/// At least so long lives a tag that is made only to have a new generation.
constexpr std::chrono::milliseconds forgotten_tags_live = std::chrono::hours(1);

/// INFO takes one section before Redis 7; the whole of it would be much longer.
void append_identity_check(std::string& out) {
    append_command(out, "INFO"sv, "server"sv);
    append_command(out, "INFO"sv, "replication"sv);
    append_command(out, "TIME"sv);
}

/// Unix ms from TIME's reply; 0: not one.
unix_ms time_of(reply const& r) {
    if (r.size() != 2) {
        return 0;
    }
    auto const number = [](std::string_view text) {
        unix_ms n = 0;
        std::from_chars(text.data(), text.data() + text.size(), n);
        constexpr unix_ms sane = 1'000'000'000'000;
        return n < sane ? n : 0;
    };
    return number(r[0].text()) * 1000 + number(r[1].text()) / 1000;
}

/// Who answered, from the three replies of `append_identity_check`, the first at `at`.
std::optional<std::pair<server_identity, check>> read_identity(reply_set const& replies,
                                                               std::size_t at,
                                                               boot_clock::time_point sent_at) {
    auto id = parse_identity(replies[at].text(), replies[at + 1].text());
    auto const time = time_of(replies[at + 2]);
    if (!id || time == 0) {
        return std::nullopt;
    }
    check const c{id->hash(), sent_at, time};
    return std::pair(std::move(*id), c);
}

link::time_point deadline_of(redis_process const& process) {
    return std::chrono::steady_clock::now() + process.settings.connect_timeout();
}

connect_error failed(store_error code, std::string text) {
    return {code, std::move(text)};
}
connect_error failed(store_error code) {
    return {code, make_error_code(code).message()};
}

/// The first of these replies that is an error; empty: none.
std::string first_error(reply_set const& replies, std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) {
        if (replies[i].is_error()) {
            return std::string(replies[i].text());
        }
    }
    return {};
}

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
                       prefixed{names::quarantine, hash},
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
        append_command(with.commands(), "SET"sv, names::identity, std::string_view(hash));
    } else {
        append_command(with.commands(), "SET"sv, names::identity, std::string_view(hash), "NX"sv);
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
        append_command(with.commands(), "GET"sv, names::identity);
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
            process.members.met(server, boot_clock::now());
            co_return result<void, connect_error>();
        }
    }
    co_return failed(store_error::refused, "sidecache:identity changes all the time");
}

/// A renewal on its way: what it says, and of which rules.
struct renewing {
    std::shared_ptr<announcement const> rules;
    membership::renewal what;
    bool asks_who = false;

    std::size_t commands() const { return asks_who ? 2 : 1; }
};

/// nullopt: nothing has been announced yet, so nothing is listed.
std::optional<renewing> append_renewal(std::string& out,
                                       redis_process& process,
                                       script_digests const& digests,
                                       bool carries,
                                       bool is_first) {
    auto rules = process.announced();
    if (!rules) {
        return std::nullopt;
    }
    auto const what = process.members.renew(carries, boot_clock::now());
    append_command(out,
                   "EVALSHA"sv,
                   digest_of(digests, script::member_renew),
                   "1"sv,
                   names::members,
                   process.member,
                   process.settings.listing(),
                   what.count,
                   process.ids.next(),
                   process.settings.lease,
                   std::string_view(&what.near, 1),
                   std::string_view(member_rest(rules->fingerprint, rules->rule_names)),
                   what.cleans ? "1"sv : "0"sv);
    // Behind it: who began a mutation without knowing of this member is in the list by now.
    bool const asks_who = is_first || process.rules.asks_who() || process.is_awaited();
    if (asks_who) {
        append_command(out, "HGETALL"sv, names::members);
    }
    return renewing{std::move(rules), what, asks_who};
}

/// What matters of the others for `rules_watch`. REQUIRES: an array.
rules_watch::others read_others(redis_process const& process,
                                announcement const& ours,
                                reply const& all,
                                unix_ms server_now) {
    auto const own = process.member.hex();
    rules_watch::others who;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        auto const record = parse_member(all[i + 1].text());
        if (all[i].text() == own || (record && record->lapse <= server_now)) {
            continue;
        }
        who.any = true;
        who.other_rules = who.other_rules || !record || record->fingerprint != ours.fingerprint;
    }
    return who;
}

/// From the replies at `at`. False: they are none.
bool take_renewal(redis_process& process,
                  renewing const& sent,
                  reply_set const& replies,
                  std::size_t at,
                  check const& by) {
    auto const r = replies[at];
    auto const join = r.size() == 3 ? id128::parse(r[1].text()) : std::nullopt;
    if (!join || (sent.asks_who && !replies[at + 1].is_array())) {
        return false;
    }
    auto const now = boot_clock::now();
    auto const how = r[0].number() == 1   ? membership::listed::still
                     : r[0].number() == 0 ? membership::listed::anew
                                          : membership::listed::overtaken;
    process.members.renewed(sent.what, how, *join, by.server, now);
    if (how == membership::listed::overtaken) {
        return true;
    }
    std::optional<rules_watch::others> who;
    if (sent.asks_who) {
        who = read_others(process, *sent.rules, replies[at + 1], by.server_time);
        auto const quarantine = process.settings.quarantine;
        if (process.rules.asks_who() && who->other_rules && quarantine.count() > 0) {
            log::warn(
                "replicas with other rules are here: for a while nothing is stored, or taken "
                "from the store",
                {{"quarantine_ms", quarantine.count()}});
        }
    }
    process.rules.renewed(
        r[2].number() == 1, who, sent.what.sent_at, process.settings.listing(), now);
    if (who) {
        process.confirm(*sent.rules);
    }
    return true;
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

/// NOPERM of what will be needed later is better told now.
task<result<void, connect_error>> try_rights(link& with, redis_process& process, id128 server) {
    if (process.has_tried_rights(server)) {
        co_return result<void, connect_error>();
    }
    append_rights_probe(with.commands(), process.ids.next().hex());
    auto const until = deadline_of(process);
    auto [error, replies] = co_await with.ask(rights_probe_size(), until);
    if (error != store_error::ok) {
        co_return failed(error);
    }
    for (std::size_t i = 0; i < replies.size(); ++i) {
        if (replies[i].is_error()) {
            if (auto text = missing_right(i, replies[i].text()); !text.empty()) {
                co_return failed(store_error::refused, std::move(text));
            }
        }
    }
    process.tried_rights(server);
    co_return result<void, connect_error>();
}

}  // namespace

std::string eviction_warning(std::string_view policy) {
    if (!policy.starts_with("allkeys-")) {
        return {};
    }
    return std::string("maxmemory-policy is ")
        .append(policy)
        .append(
            ": the server may evict a tag while a mutation is under way, and what is read then "
            "may be older than what was read before; use noeviction or a volatile- policy");
}

task<result<void>> load_scripts(link& with, redis_process const& process, session& s) {
    auto const since_7 = std::atoi(s.identity.version.c_str()) >= 7;
    for (std::size_t i = 0; i < script_count; ++i) {
        auto const text = script_text(static_cast<script>(i), since_7);
        append_command(with.commands(), "SCRIPT"sv, "LOAD"sv, std::string_view(text));
    }
    auto const until = deadline_of(process);
    auto [error, replies] = co_await with.ask(script_count, until);
    if (error != store_error::ok) {
        co_return error;
    }
    for (std::size_t i = 0; i < script_count; ++i) {
        if (!replies[i].is_text()) {
            log::error("the store does not take a script", {{"error", replies[i].text()}});
            co_return store_error::refused;
        }
        s.scripts[i] = replies[i].text();
    }
    co_return result<void>();
}

task<result<session, connect_error>> handshake(link& with, redis_process& process, bool carries) {
    auto const& settings = process.settings;
    auto const who_we_are = process.who();
    if (!who_we_are) {
        co_return who_we_are.error();
    }
    auto const greeting = append_greeting(with.commands(), *who_we_are, "sidecache");
    append_identity_check(with.commands());
    append_command(with.commands(), "CONFIG"sv, "GET"sv, "maxmemory-policy"sv);
    append_command(with.commands(), "SELECT"sv, settings.where.database);
    auto const sent_at = boot_clock::now();
    auto const commands = greeting + identity_commands + 2;
    auto const until = deadline_of(process);
    auto [error, replies] = co_await with.ask(commands, until);
    if (error == store_error::unreachable) {
        co_return failed(error, with.why_broken());
    }
    if (error != store_error::ok) {
        co_return failed(error);
    }
    if (is_sentinel(replies[greeting].text())) {
        co_return failed(store_error::refused, std::string(unfit_sentinel));
    }
    // CLIENT SETNAME and CONFIG may be forbidden; the rest may not.
    auto denied = first_error(replies, 0, greeting - 1);
    if (denied.empty()) {
        denied = first_error(replies, greeting, greeting + identity_commands);
    }
    if (denied.empty()) {
        denied = first_error(replies, commands - 1, commands);
    }
    if (!denied.empty()) {
        co_return failed(store_error::refused, std::move(denied));
    }
    auto who = read_identity(replies, greeting, sent_at);
    if (!who) {
        co_return failed(store_error::malformed, "INFO does not tell run_id, role and replid");
    }
    session s;
    s.identity = std::move(who->first);
    s.last = who->second;
    // Nothing is known when CONFIG is not permitted.
    if (auto const policy = replies[greeting + identity_commands]; policy.size() == 2) {
        s.warning = eviction_warning(policy[1].text());
    }
    if (auto unfit = why_unfit(s.identity); !unfit.empty()) {
        co_return failed(store_error::refused, std::move(unfit));
    }
    if (!s.identity.is_primary()) {
        co_return failed(store_error::not_primary);
    }
    auto const permitted = co_await try_rights(with, process, s.last.server);
    if (!permitted) {
        co_return permitted.error();
    }

    auto const met = co_await meet(with, process, s.last.server);
    if (!met) {
        co_return met.error();
    }
    auto const loaded = co_await load_scripts(with, process, s);
    if (!loaded) {
        co_return failed(store_error::refused, loaded.error().message());
    }

    std::size_t last_commands = 1;
    append_command(with.commands(), "PTTL"sv, prefixed{names::quarantine, s.last.server.hex()});
    auto const renewal = append_renewal(with.commands(), process, s.scripts, carries, true);
    if (renewal) {
        last_commands += renewal->commands();
    }
    auto const last_until = deadline_of(process);
    auto [last_error, last_replies] = co_await with.ask(last_commands, last_until);
    if (last_error != store_error::ok) {
        co_return failed(last_error);
    }
    if (auto text = first_error(last_replies, 0, last_commands); !text.empty()) {
        co_return failed(store_error::refused, std::move(text));
    }
    heed_quarantine(process, last_replies[0]);
    if (renewal && !take_renewal(process, *renewal, last_replies, 1, s.last)) {
        co_return failed(store_error::malformed);
    }
    co_await forget_old_entries(with, process, s);
    co_return s;
}

task<result<check>> heartbeat(link& with, redis_process& process, session const& s, bool carries) {
    append_identity_check(with.commands());
    append_command(with.commands(), "PTTL"sv, prefixed{names::quarantine, s.last.server.hex()});
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
