/// Whom a mutation tells, and who has fallen silent (protocol.md sections 3.3 and 4).
#include "proxy/store/audience.hpp"
#include "proxy/store/members.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/redis_store.hpp"
#include "proxy/store/resp_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using telemetry::store_command;

}  // namespace

void append_dismissals(std::string& out,
                       script_digests const& scripts,
                       std::span<near_member const> silent) {
    for (auto const& m : silent) {
        append_command(out,
                       "EVALSHA"sv,
                       digest_of(scripts, script::member_dismiss),
                       "1"sv,
                       names::members,
                       std::string_view(m.id),
                       std::string_view(m.record));
    }
}

std::size_t count_dismissed(reply_set const& replies) {
    std::size_t dismissed = 0;
    for (std::size_t i = 0; i < replies.size(); ++i) {
        dismissed += replies[i].number() == 1 ? 1U : 0U;
    }
    return dismissed;
}

audience read_audience(reply const& all, redis_process& process) {
    auto const own = process.member.hex();
    std::optional<id128> own_join;
    audience who;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        auto const record = parse_member(all[i + 1].text());
        if (all[i].text() == own) {
            own_join = record ? std::optional(record->join) : std::nullopt;
        } else if (!record || record->near) {
            // What cannot be read may be a member of another version: its lease is as good as ours.
            auto const ours = process.settings.lease;
            auto const lease = record ? std::max(record->lease, ours) : ours;
            process.members.note_lease(lease);
            who.members.push_back(
                {std::string(all[i].text()), lease, std::string(all[i + 1].text())});
        }
    }
    auto const now = boot_clock::now();
    process.members.seen_as(own_join, now);
    who.complete = process.members.is_settled(now);
    who.longest = process.members.longest_lease();
    process.note_members(all.size() / 2);
    return who;
}

void read_rules(reply const& all,
                announcement const& ours,
                redis_process& process,
                unix_ms server_now,
                bool& foreign_fingerprint,
                std::vector<std::string>& foreign_rules) {
    auto const own = process.member.hex();
    std::optional<id128> own_join;
    if (ours.is_of_two()) {
        foreign_fingerprint = true;  // this very member may go by other rules in a moment
        foreign_rules = ours.rule_names;
    }
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        auto const record = parse_member(all[i + 1].text());
        if (all[i].text() == own) {
            own_join = record ? std::optional(record->join) : std::nullopt;
            continue;
        }
        if (!record) {
            foreign_fingerprint = true;  // another version: its rules are not for us to read
            continue;
        }
        if (record->lapse <= server_now || record->fingerprint == ours.fingerprint) {
            continue;
        }
        foreign_fingerprint = true;
        for (auto const name : record->rule_names) {
            if (std::find(foreign_rules.begin(), foreign_rules.end(), name) ==
                foreign_rules.end()) {
                foreign_rules.emplace_back(name);
            }
        }
    }
    process.members.seen_as(own_join, boot_clock::now());
}

task<result<audience>> redis_store::publish_drop(std::string_view payload) {
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "PUBLISH"sv, names::events, payload);
        append_command(out, "HGETALL"sv, names::members);
        return std::size_t{2};
    };
    // Told twice, a near cache drops twice: after a lost reply it may be sent again.
    call_plan const plan{store_command::publish, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer() || !a.replies[1].is_array()) {
        co_return store_error::refused;
    }
    co_return read_audience(a.replies[1], caller_.target().process());
}

task<std::size_t> redis_store::dismiss(std::span<near_member const> silent) {
    auto const write = [&](std::string& out, session const& s) {
        append_dismissals(out, s.scripts, silent);
        return silent.size();
    };
    call_plan const plan{store_command::publish};
    auto const a = co_await caller_.ask(plan, write);
    co_return a.error == store_error::ok ? count_dismissed(a.replies) : 0;
}

}  // namespace sidecache::store
