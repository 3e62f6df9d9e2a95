/// begin and end of a mutation in a Redis Cluster (protocol.md sections 3.2, 3.3 and 3.5). What is
/// one batch at a single server are rounds here, since nodes keep no order among them: first every
/// mark on every node has its reply, then what has to come behind the marks is asked for.
#include "proxy/store/audience.hpp"
#include "proxy/store/cluster_store.hpp"
#include "proxy/store/mutation_words.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using telemetry::store_command;

std::string tag_key(std::string_view tag) {
    return std::string(names::tag).append(tag);
}
std::string index_key(std::string_view tag) {
    return std::string(names::index).append(tag);
}

void add_forget(cluster_batch& to, std::string const& index, std::vector<std::string> const& keys) {
    std::string text;
    start_command(text, 2 + keys.size());
    append_word(text, "ZREM"sv);
    append_word(text, std::string_view(index));
    for (auto const& key : keys) {
        append_word(text, std::string_view(key));
    }
    to.add_text(index, std::move(text));
}

/// Where the replies stand that count what was removed, and what is left in which index.
struct removals {
    std::vector<std::size_t> unlinked;
    std::vector<std::pair<std::size_t, std::string_view>> left;
};

}  // namespace

task<result<begun>> cluster_store::begin(mutation_id id,
                                         std::span<begin_mark const> marks,
                                         std::chrono::milliseconds life,
                                         std::chrono::milliseconds keep_tags) {
    auto b = co_await begin_with(id, marks, life, keep_tags, {});
    co_return b;
}

task<result<ended>> cluster_store::end(mutation_id id,
                                       std::span<end_mark const> marks,
                                       std::chrono::milliseconds life,
                                       std::chrono::milliseconds keep_tags) {
    auto e = co_await end_with(id, marks, life, keep_tags, {});
    co_return e;
}

template <class Reply>
task<store_error> cluster_store::meet_members(call_plan plan, std::string_view drop, Reply& into) {
    auto const announced = process().announced();
    if (drop.empty() && !announced) {
        co_return store_error::ok;
    }
    auto const write = [&](std::string& out, session const&) {
        if (!drop.empty()) {
            append_command(out, "PUBLISH"sv, names::events, drop);
        }
        // Behind the message: who is home shows here, and who joins later has read the store later.
        append_command(out, "HGETALL"sv, names::members);
        return std::size_t{drop.empty() ? 1U : 2U};
    };
    auto const a = co_await cluster_->ask_home(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    // What is said and read at a home that nobody has checked for a lease may be said to nobody.
    into.by.checked_at =
        into.by.server == id128{} ? a.by.checked_at : std::min(into.by.checked_at, a.by.checked_at);
    auto const all = a.replies[a.replies.size() - 1];
    if (!all.is_array()) {
        co_return store_error::refused;  // who else is there must be known
    }
    if (!drop.empty() && a.replies[0].is_integer()) {
        into.told = read_audience(all, process());
    }
    if (announced) {
        read_rules(all,
                   *announced,
                   process(),
                   a.by.server_now_ms,
                   into.foreign_fingerprint,
                   into.foreign_rules);
    }
    co_return store_error::ok;
}

task<void> cluster_store::look(std::span<lookup const> lookups, std::vector<reading>& into) {
    for (auto const& each : lookups) {
        auto one = co_await read(each.key, *each.tags);
        if (!one) {
            into.clear();
            co_return;
        }
        into.push_back(std::move(*one));
    }
}

task<store_error> cluster_store::begin_part(mutation_id id,
                                            std::span<begin_mark const> marks,
                                            std::chrono::milliseconds life,
                                            std::chrono::milliseconds keep_tags,
                                            begun& into) {
    auto const what = std::make_shared<cluster_batch>();
    for (auto const& m : marks) {
        what->add_script(script::tag_begin,
                         tag_key(m.tag),
                         process().ids.next(),
                         keep_tags,
                         id,
                         kind_word(m.kind),
                         life);
        auto const index = index_key(m.tag);
        what->add(index, "ZRANGE"sv, std::string_view(index), "0"sv, noted_at_once - 1);
    }
    call_plan const plan{store_command::begin, true, true};
    auto const a = co_await cluster_->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    bool const is_first = into.tags.empty();
    auto const checked_at =
        is_first ? a.by.checked_at : std::min(into.by.checked_at, a.by.checked_at);
    into.by = a.by;
    into.by.checked_at = checked_at;
    for (std::size_t i = 0; i < marks.size(); ++i) {
        auto const value = parse_tag(a[2 * i].text());
        if (!value || !a[2 * i].is_text()) {
            co_return a[2 * i].is_error() ? store_error::refused : store_error::malformed;
        }
        auto const server = a.replies[2 * i].server;
        into.tags.push_back({as_told_by(server, value->gen), has_other_marker(*value, id)});
        noted_.note(id, marks[i].tag, texts_of(a[2 * i + 1]));
        marked_at_.note(id, marks[i].tag, server);
    }
    co_return store_error::ok;
}

task<result<begun>> cluster_store::begin_with(mutation_id id,
                                              std::span<begin_mark const> marks,
                                              std::chrono::milliseconds life,
                                              std::chrono::milliseconds keep_tags,
                                              companions also) {
    call_plan const plan{store_command::begin, true, true};
    for (int round = 0; round < most_rounds; ++round) {
        begun b;
        std::optional<id128> server;
        bool met_another = false;
        std::size_t at = 0;
        do {
            auto const some = marks.subspan(at, std::min(part_size, marks.size() - at));
            at += some.size();
            auto const error = co_await begin_part(id, some, life, keep_tags, b);
            if (error != store_error::ok) {
                co_return error;
            }
            met_another = server && *server != b.by.server;
            server = b.by.server;
        } while (at < marks.size() && !met_another);
        if (met_another) {
            continue;
        }
        // Who looks or drops finds every mark, and so does who joins afterwards.
        co_await look(also.lookups, b.seen);
        auto const met = co_await meet_members(plan, also.drop, b);
        if (met != store_error::ok) {
            co_return met;
        }
        co_return b;
    }
    co_return store_error::unreachable;
}

task<store_error> cluster_store::end_part(mutation_id id,
                                          std::span<end_mark const> marks,
                                          std::chrono::milliseconds life,
                                          std::chrono::milliseconds keep_tags,
                                          ended& into) {
    auto const what = std::make_shared<cluster_batch>();
    for (auto const& m : marks) {
        what->add_script(script::tag_end,
                         tag_key(m.tag),
                         process().ids.next(),
                         keep_tags,
                         id,
                         action_word(m.action),
                         life);
    }
    removals gone;
    for (auto const& m : marks) {
        if (m.action == end_action::clear) {
            continue;
        }
        auto keys = noted_.take(id, m.tag).value_or(std::vector<std::string>());
        auto const index = index_key(m.tag);
        if (!keys.empty()) {
            add_forget(*what, index, keys);
        }
        if (!m.exact_key.empty()) {
            keys.emplace_back(m.exact_key);
        }
        for (auto const& counted : process().counted.under(m.tag)) {
            if (!keys.empty()) {
                add_forget(*what, index_key(counted), keys);
            }
        }
        for (auto const& key : keys) {
            gone.unlinked.push_back(what->add(key, "UNLINK"sv, std::string_view(key)));
        }
        gone.left.emplace_back(what->add(index, "ZCARD"sv, std::string_view(index)), m.tag);
    }
    call_plan const plan{store_command::end, true, true};
    auto const a = co_await cluster_->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    bool const is_first = into.after.empty();
    auto const checked_at =
        is_first ? a.by.checked_at : std::min(into.by.checked_at, a.by.checked_at);
    into.by = a.by;
    into.by.checked_at = checked_at;
    for (std::size_t i = 0; i < marks.size(); ++i) {
        auto const r = a[i];
        auto const value = r.size() == 2 ? parse_tag(r[1].text()) : std::nullopt;
        if (!value) {
            co_return r.is_error() ? store_error::refused : store_error::malformed;
        }
        // That it stood all the while only the node that set it can say.
        auto const server = a.replies[i].server;
        auto const* const set_by = marked_at_.find(id, marks[i].tag);
        into.had_mark.push_back(r[0].number() == 1 && set_by != nullptr && *set_by == server);
        into.after.push_back(as_told_by(server, value->gen));
    }
    for (auto const i : gone.unlinked) {
        into.removed += static_cast<std::size_t>(a[i].number());
    }
    for (auto const& [i, tag] : gone.left) {
        // The entries are dead already; nobody waits until they are gone.
        if (a[i].number() > 0) {
            sweeper_->add(tag);
        }
    }
    co_return store_error::ok;
}

task<result<ended>> cluster_store::end_with(mutation_id id,
                                            std::span<end_mark const> marks,
                                            std::chrono::milliseconds life,
                                            std::chrono::milliseconds keep_tags,
                                            companions also) {
    call_plan const plan{store_command::end, true, true};
    for (int round = 0; round < most_rounds; ++round) {
        ended e;
        // Before the first mark goes.
        co_await look(also.lookups, e.seen);
        std::optional<id128> server;
        bool met_another = false;
        std::size_t at = 0;
        while (at < marks.size() && !met_another) {
            auto const some = marks.subspan(at, std::min(part_size, marks.size() - at));
            at += some.size();
            auto const error = co_await end_part(id, some, life, keep_tags, e);
            if (error != store_error::ok) {
                co_return error;
            }
            met_another = server && *server != e.by.server;
            server = e.by.server;
        }
        if (met_another) {
            continue;
        }
        // The members last: whoever joins afterwards finds the new generations.
        auto const met = co_await meet_members(plan, also.drop, e);
        if (met != store_error::ok) {
            co_return met;
        }
        noted_.forget(id);
        marked_at_.forget(id);
        co_return e;
    }
    co_return store_error::unreachable;
}

task<result<audience>> cluster_store::publish_drop(std::string_view payload) {
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "PUBLISH"sv, names::events, payload);
        append_command(out, "HGETALL"sv, names::members);
        return std::size_t{2};
    };
    // Told twice, a near cache drops twice: after a lost reply it may be sent again.
    call_plan const plan{store_command::publish, true, true};
    auto const a = co_await cluster_->ask_home(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer() || !a.replies[1].is_array()) {
        co_return store_error::refused;
    }
    co_return read_audience(a.replies[1], process());
}

task<std::size_t> cluster_store::dismiss(std::span<near_member const> silent) {
    auto const write = [&](std::string& out, session const& s) {
        append_dismissals(out, s.scripts, silent);
        return silent.size();
    };
    call_plan const plan{store_command::publish};
    if (silent.empty()) {
        co_return 0;
    }
    auto const a = co_await cluster_->ask_home(plan, write);
    co_return a.error == store_error::ok ? count_dismissed(a.replies) : 0;
}

}  // namespace sidecache::store
