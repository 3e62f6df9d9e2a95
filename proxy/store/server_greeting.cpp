#include "proxy/store/server_greeting.hpp"

#include "proxy/store/resp_writer.hpp"
#include "proxy/store/rights.hpp"
#include "proxy/telemetry/log.hpp"

#include <charconv>
#include <cstdlib>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

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

/// INFO takes one section before Redis 7; the whole of it would be much longer.
void append_identity_check(std::string& out) {
    append_command(out, "INFO"sv, "server"sv);
    append_command(out, "INFO"sv, "replication"sv);
    append_command(out, "TIME"sv);
}

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

std::string first_error(reply_set const& replies, std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) {
        if (replies[i].is_error()) {
            return std::string(replies[i].text());
        }
    }
    return {};
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

task<result<session, connect_error>> greet(link& with, redis_process& process) {
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
    if (auto unfit = why_unfit(s.identity, settings.where.is_cluster()); !unfit.empty()) {
        co_return failed(store_error::refused, std::move(unfit));
    }
    if (!s.identity.is_primary()) {
        co_return failed(store_error::not_primary);
    }
    auto const permitted = co_await try_rights(with, process, s.last.server);
    if (!permitted) {
        co_return permitted.error();
    }

    auto const loaded = co_await load_scripts(with, process, s);
    if (!loaded) {
        co_return failed(store_error::refused, loaded.error().message());
    }
    co_return s;
}

task<result<check>> check_server(link& with, redis_process const& process) {
    append_identity_check(with.commands());
    auto const sent_at = boot_clock::now();
    auto const until = std::chrono::steady_clock::now() + process.settings.where.timeout;
    auto [error, replies] = co_await with.ask(identity_commands, until);
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
    co_return who->second;
}

}  // namespace sidecache::store
