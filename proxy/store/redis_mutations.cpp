/// begin and end of a mutation in Redis (protocol.md sections 3.2 and 3.5). A large fan-out goes in
/// parts, each a round trip with a deadline of its own: other callers' commands come in between,
/// and no part is so long that they time out behind it.
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

/// Marks a part.
constexpr std::size_t part_size = 64;
/// Keys of an index that begin reads and end removes at once; the sweeper takes the rest.
constexpr std::size_t noted_at_once = 128;
/// A mutation whose parts met two servers starts over, that often.
constexpr int most_rounds = 3;

std::string_view action_word(end_action const& a) {
    return {reinterpret_cast<char const*>(&a), 1};
}
std::string_view kind_word(mark_kind const& k) {
    return {reinterpret_cast<char const*>(&k), 1};
}

void append_index_head(std::string& out, std::string_view tag) {
    append_command(out,
                   "ZRANGE"sv,
                   prefixed{names::index, tag},
                   "0"sv,
                   static_cast<std::int64_t>(noted_at_once) - 1);
}

std::vector<std::string> texts_of(reply const& list) {
    std::vector<std::string> out;
    out.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        out.emplace_back(list[i].text());
    }
    return out;
}

/// Keys of an index that are to go, and an exact one.
struct removal {
    std::string_view tag;
    std::string_view exact_key;  // may be empty
    /// The keys in the tag's index; nullopt: nobody has looked.
    std::optional<std::vector<std::string>> noted;
    /// Further tags in whose indexes the keys are counted.
    std::vector<std::string> counted;
};

void append_forget(std::string& out,
                   std::string_view tag,
                   std::vector<std::string> const& keys,
                   std::string_view exact_key) {
    start_command(out, 2 + keys.size() + (exact_key.empty() ? 0 : 1));
    append_word(out, "ZREM"sv);
    append_word(out, prefixed{names::index, tag});
    for (auto const& key : keys) {
        append_word(out, std::string_view(key));
    }
    if (!exact_key.empty()) {
        append_word(out, exact_key);
    }
}

/// ZREM of the keys, from each index that they are in, and UNLINK; returns how many commands, whose
/// last is the UNLINK.
std::size_t append_removal(std::string& out, removal const& r) {
    static std::vector<std::string> const none;
    auto const& keys = r.noted ? *r.noted : none;
    auto const exact_key = r.exact_key;
    if (keys.empty() && exact_key.empty()) {
        return 0;
    }
    std::size_t commands = 1;
    if (!keys.empty()) {
        append_forget(out, r.tag, keys, {});
        ++commands;
    }
    for (auto const& counted : r.counted) {
        append_forget(out, counted, keys, exact_key);
        ++commands;
    }
    start_command(out, 1 + keys.size() + (exact_key.empty() ? 0 : 1));
    append_word(out, "UNLINK"sv);
    for (auto const& key : keys) {
        append_word(out, std::string_view(key));
    }
    if (!exact_key.empty()) {
        append_word(out, exact_key);
    }
    return commands;
}

/// What other members' records say of their rules that differs from ours; and how the list names
/// us. `Reply`: begun or ended.
template <class Reply>
void read_members(reply const& all, announcement const& ours, redis_process& process, Reply& into) {
    auto const own = process.member.hex();
    std::optional<id128> own_join;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        auto const record = parse_member(all[i + 1].text());
        if (all[i].text() == own) {
            own_join = record ? std::optional(record->join) : std::nullopt;
            continue;
        }
        if (!record) {
            into.foreign_fingerprint = true;  // another version: its rules are not for us to read
            continue;
        }
        if (record->lapse <= into.by.server_now_ms || record->fingerprint == ours.fingerprint) {
            continue;
        }
        into.foreign_fingerprint = true;
        for (auto const name : record->rule_names) {
            auto& known = into.foreign_rules;
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                known.emplace_back(name);
            }
        }
    }
    process.members.seen_as(own_join, boot_clock::now());
}

}  // namespace

task<result<begun>> redis_store::begin(mutation_id id,
                                       std::span<begin_mark const> marks,
                                       std::chrono::milliseconds life,
                                       std::chrono::milliseconds keep_tags) {
    for (int round = 0; round < most_rounds; ++round) {
        begun b;
        b.tags.reserve(marks.size());
        std::optional<id128> server;
        std::size_t at = 0;
        do {
            auto const part = marks.subspan(at, std::min(part_size, marks.size() - at));
            at += part.size();
            // The members last: whoever joins afterwards finds every mark.
            bool const is_last = at == marks.size();
            auto const error = co_await begin_part(id, part, life, keep_tags, is_last, b);
            if (error != store_error::ok) {
                co_return error;
            }
            if (server && *server != b.by.server) {
                break;
            }
            server = b.by.server;
            if (is_last) {
                co_return b;
            }
        } while (at < marks.size());
    }
    co_return store_error::unreachable;
}

task<store_error> redis_store::begin_part(mutation_id id,
                                          std::span<begin_mark const> marks,
                                          std::chrono::milliseconds life,
                                          std::chrono::milliseconds keep_tags,
                                          bool reads_members,
                                          begun& into) {
    auto const announced = reads_members ? caller_.target().process().announced() : nullptr;
    auto const write = [&](std::string& out, session const& s) {
        for (auto const& m : marks) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::tag_begin),
                           "1"sv,
                           prefixed{names::tag, m.tag},
                           caller_.target().process().ids.next(),
                           keep_tags,
                           id,
                           kind_word(m.kind),
                           life);
            append_index_head(out, m.tag);
        }
        if (announced) {
            append_command(out, "HGETALL"sv, names::members);
        }
        return 2 * marks.size() + (announced ? 1U : 0U);
    };
    call_plan const plan{store_command::begin, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    into.by = a.by;
    for (std::size_t i = 0; i < marks.size(); ++i) {
        auto const value = parse_tag(a.replies[2 * i].text());
        if (!value || !a.replies[2 * i].is_text()) {
            co_return a.replies[2 * i].is_error() ? store_error::refused : store_error::malformed;
        }
        into.tags.push_back({value->gen, has_other_marker(*value, id)});
        noted_.note(id, marks[i].tag, texts_of(a.replies[2 * i + 1]));
    }
    if (announced) {
        auto const all = a.replies[2 * marks.size()];
        if (!all.is_array()) {
            co_return store_error::refused;  // who else is there must be known
        }
        read_members(all, *announced, caller_.target().process(), into);
    }
    co_return store_error::ok;
}

task<result<ended>> redis_store::end(mutation_id id,
                                     std::span<end_mark const> marks,
                                     std::chrono::milliseconds life,
                                     std::chrono::milliseconds keep_tags) {
    for (int round = 0; round < most_rounds; ++round) {
        ended e;
        std::optional<id128> server;
        std::size_t at = 0;
        bool met_another = false;
        while (at < marks.size() && !met_another) {
            auto const part = marks.subspan(at, std::min(part_size, marks.size() - at));
            at += part.size();
            // The members last: whoever joins afterwards finds the new generations.
            ending const these{id, part, life, keep_tags, at == marks.size()};
            auto const error = co_await end_part(these, e);
            if (error != store_error::ok) {
                co_return error;
            }
            met_another = server && *server != e.by.server;
            server = e.by.server;
        }
        if (!met_another) {
            noted_.forget(id);
            co_return e;
        }
    }
    co_return store_error::unreachable;
}

task<store_error> redis_store::end_part(ending const& part, ended& into) {
    // What is removed at once is settled before the first command: others begin and end meanwhile.
    std::vector<removal> removals;
    auto const& counted = caller_.target().process().counted;
    for (auto const& m : part.marks) {
        if (m.action != end_action::clear) {
            removals.push_back(
                {m.tag, m.exact_key, noted_.take(part.id, m.tag), counted.under(m.tag)});
        }
    }
    auto const announced = part.reads_members ? caller_.target().process().announced() : nullptr;
    std::vector<std::size_t> removing(removals.size());  // commands of each
    auto const write = [&](std::string& out, session const& s) {
        for (auto const& m : part.marks) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::tag_end),
                           "1"sv,
                           prefixed{names::tag, m.tag},
                           caller_.target().process().ids.next(),
                           part.keep_tags,
                           part.id,
                           action_word(m.action),
                           part.life);
        }
        auto commands = part.marks.size();
        for (std::size_t i = 0; i < removals.size(); ++i) {
            auto const& r = removals[i];
            removing[i] = append_removal(out, r);
            // What is left: how many, or, where begin has not looked, which.
            if (r.noted) {
                append_command(out, "ZCARD"sv, prefixed{names::index, r.tag});
            } else {
                append_index_head(out, r.tag);
            }
            commands += removing[i] + 1;
        }
        if (announced) {
            append_command(out, "HGETALL"sv, names::members);
            ++commands;
        }
        return commands;
    };
    call_plan const plan{store_command::end, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    into.by = a.by;
    for (std::size_t i = 0; i < part.marks.size(); ++i) {
        auto const r = a.replies[i];
        auto const value = r.size() == 2 ? parse_tag(r[1].text()) : std::nullopt;
        if (!value) {
            co_return r.is_error() ? store_error::refused : store_error::malformed;
        }
        into.had_mark.push_back(r[0].number() == 1);
        into.after.push_back(value->gen);
    }
    auto at = part.marks.size();
    std::vector<std::pair<std::string_view, std::vector<std::string>>> found;
    for (std::size_t i = 0; i < removals.size(); ++i) {
        at += removing[i];
        if (removing[i] > 0) {
            into.removed += static_cast<std::size_t>(a.replies[at - 1].number());
        }
        auto const left = a.replies[at++];
        if (left.number() > 0) {
            sweeper_->add(removals[i].tag);
        } else if (left.size() > 0) {
            found.emplace_back(removals[i].tag, texts_of(left));
        }
    }
    if (announced) {
        auto const all = a.replies[at];
        if (!all.is_array()) {
            co_return store_error::refused;  // who else is there must be known
        }
        read_members(all, *announced, caller_.target().process(), into);
    }
    if (!found.empty()) {
        co_await remove_noted(std::move(found), into);
    }
    co_return store_error::ok;
}

/// Of tags that begin did not mark: their keys are known only now. Not an error when it fails: the
/// entries are dead already.
task<void> redis_store::remove_noted(
    std::vector<std::pair<std::string_view, std::vector<std::string>>> found, ended& into) {
    std::vector<removal> removals;
    for (auto& [tag, keys] : found) {
        auto counted = caller_.target().process().counted.under(tag);
        removals.push_back({tag, {}, std::move(keys), std::move(counted)});
    }
    std::vector<std::size_t> removing(removals.size());
    auto const write = [&](std::string& out, session const&) {
        std::size_t commands = 0;
        for (std::size_t i = 0; i < removals.size(); ++i) {
            removing[i] = append_removal(out, removals[i]);
            commands += removing[i];
        }
        return commands;
    };
    call_plan const plan{store_command::end};
    auto const a = co_await caller_.ask(plan, write);
    std::size_t at = 0;
    for (std::size_t i = 0; i < removals.size(); ++i) {
        auto const& [tag, exact_key, keys, counted] = removals[i];
        at += removing[i];
        if (a.error == store_error::ok) {
            into.removed += static_cast<std::size_t>(a.replies[at - 1].number());
        }
        if (a.error != store_error::ok || keys->size() == noted_at_once) {
            sweeper_->add(tag);
        }
    }
}

}  // namespace sidecache::store
