#include "proxy/store/member_renewal.hpp"

#include "proxy/store/members.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/telemetry/log.hpp"

#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

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

}  // namespace

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

}  // namespace sidecache::store
