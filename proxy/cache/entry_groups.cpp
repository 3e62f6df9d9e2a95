#include "proxy/cache/entry_groups.hpp"

#include "proxy/cache/miss.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "rules/http_cache/groups.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace sidecache::cache {

namespace {

using rules::http_cache::any_group;
using rules::http_cache::is_group_tag;

bool has_tag(rules::tag_list const& tags, std::string_view tag) {
    for (std::size_t i = 0; i < tags.size(); ++i) {
        if (tags[i] == tag) {
            return true;
        }
    }
    return false;
}

/// Under which nothing is ever stored: tags are read together with a key.
std::string empty_key(std::string_view key) {
    return std::string(key) + "|groups";
}

bool is_at_rest(store::tag_reading const& tag) {
    return tag.present && !tag.marker;
}

bool covers(worker_parts const& parts, rules::tag_list const& tags) {
    auto const& pending = parts.process.pending;
    return !pending.none() && pending.covers(tags);
}

}  // namespace

bool has_other_groups(store::entry const& e, rules::tag_list const& tags) {
    return std::any_of(e.tags.begin(), e.tags.end(), [&](auto const& t) {
        return is_group_tag(t.tag) && !has_tag(tags, t.tag);
    });
}

void add_groups(rules::tag_list& to, store::entry const& e) {
    for (auto const& t : e.tags) {
        if (is_group_tag(t.tag) && !has_tag(to, t.tag)) {
            to.add(t.tag);
        }
    }
}

task<void> look_up_groups(worker_parts const& parts,
                          snapshot const& snap,
                          http::downstream const& client,
                          lookup& at) {
    add_groups(at.wanted.tags, at.entry);
    before_read(parts, at);
    auto reading = co_await parts.store.read(at.wanted.key, at.wanted.tags);
    after_read(std::move(reading), snap, client, at);
}

task<entry_tags> tags_of_entry(worker_parts const& parts,
                               fill_order const& order,
                               fill_ground const& ground,
                               std::span<rules::field const> response) {
    entry_tags out;
    auto const& wanted = order.wanted.tags;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!is_group_tag(wanted[i])) {
            out.tags.add(wanted[i]);
            bool const is_known = ground.snapshot && i < ground.snapshot->tags.size();
            out.generations.push_back(is_known ? ground.snapshot->tags[i].gen
                                               : store::generation());
        }
    }
    if (!order.wanted.matched->definition.origin || !ground.snapshot) {
        co_return out;
    }
    auto const names = rules::http_cache::group_tags_of(response);
    if (names.empty()) {
        co_return out;
    }
    rules::tag_list groups;
    for (auto const& name : names) {
        groups.add(name);
    }
    rules::tag_list any;
    any.add(any_group);
    auto const before = ground.any_group;
    out.stands = false;
    if (!before || !is_at_rest(*before) || covers(parts, groups) || covers(parts, any)) {
        co_return out;
    }
    auto const nothing = empty_key(order.wanted.key);
    store::fill_request ask;
    ask.key = nothing;
    ask.tags = &groups;
    ask.keep_tags = order.snap->config->tag_life();
    auto const made = co_await parts.store.begin_fill(ask);
    if (!made || made->by.server != ground.snapshot->by.server || made->quarantined ||
        made->tags.size() != groups.size() ||
        !std::all_of(made->tags.begin(), made->tags.end(), is_at_rest)) {
        co_return out;
    }
    // Behind the reply: in a cluster the two are on different nodes.
    auto const after = co_await parts.store.read(nothing, any);
    if (!after || after->by.server != ground.snapshot->by.server || after->tags.size() != 1 ||
        !is_at_rest(after->tags[0]) || after->tags[0].gen != before->gen) {
        co_return out;
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
        out.tags.add(groups[i]);
        out.generations.push_back(made->tags[i].gen);
    }
    out.stands = true;
    co_return out;
}

task<bool> groups_stand(worker_parts const& parts, store::entry const& e, std::string_view key) {
    rules::tag_list groups;
    add_groups(groups, e);
    if (groups.empty()) {
        co_return true;
    }
    moment at;
    at.lease = parts.current->config->near_cache.lease;
    at.pending_purge = covers(parts, groups);
    auto const nothing = empty_key(key);
    auto const reading = co_await parts.store.read(nothing, groups);
    if (!reading || reading->by.server != e.server || reading->tags.size() != groups.size()) {
        co_return false;
    }
    at.boot = boot_clock::now();
    auto const seen = see(reading->by, reading->tags, at);
    bool same = seen.clean;
    for (std::size_t i = 0; same && i < groups.size(); ++i) {
        same = std::any_of(e.tags.begin(), e.tags.end(), [&](auto const& t) {
            return t.tag == groups[i] && t.gen == reading->tags[i].gen;
        });
    }
    co_return same;
}

}  // namespace sidecache::cache
