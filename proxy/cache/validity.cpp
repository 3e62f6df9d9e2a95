#include "proxy/cache/validity.hpp"

#include "proxy/cache/entry_groups.hpp"
#include "proxy/cache/weakness.hpp"
#include "rules/storable.hpp"

#include <algorithm>

namespace sidecache::cache {

namespace {

bool is_verified(store::answered_by const& by, moment const& at) {
    return at.boot - by.checked_at < at.lease;
}

bool is_overdue(store::tag_reading const& tag, store::answered_by const& by) {
    return tag.intent_deadline <= by.server_now_ms;
}

/// The entry's generation of that tag. Entries keep the order of the rules that filled them, so
/// the same place is nearly always right; after a reload it may be another, or none.
store::generation const* generation_of(store::entry const& e, std::string_view tag, std::size_t i) {
    if (i < e.tags.size() && e.tags[i].tag == tag) {
        return &e.tags[i].gen;
    }
    auto const found =
        std::find_if(e.tags.begin(), e.tags.end(), [&](auto const& t) { return t.tag == tag; });
    return found == e.tags.end() ? nullptr : &found->gen;
}

validity judge_tags(store::entry const& e,
                    store::answered_by const& by,
                    std::span<store::tag_reading const> tags,
                    rules::tag_list const& wanted) {
    if (tags.size() != wanted.size()) {
        return validity::tag_missing;
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto const* filled_under = generation_of(e, wanted[i], i);
        if (!tags[i].present || filled_under == nullptr) {
            return validity::tag_missing;
        }
        if (tags[i].marker && !weakened(weakness::ignore_markers)) {
            return validity::marked;
        }
        if (is_overdue(tags[i], by)) {
            return validity::overdue;
        }
        if (tags[i].gen != *filled_under && !weakened(weakness::ignore_generations)) {
            return validity::purged;
        }
    }
    return validity::hit;
}

}  // namespace

std::string_view name(validity v) {
    switch (v) {
        case validity::hit:
            return "hit";
        case validity::absent:
            return "absent";
        case validity::unreadable:
            return "unreadable";
        case validity::other_request:
            return "other_request";
        case validity::pending_purge:
            return "pending_purge";
        case validity::unverified:
            return "unverified";
        case validity::quarantine:
            return "quarantine";
        case validity::other_server:
            return "other_server";
        case validity::tag_missing:
            return "tag_missing";
        case validity::marked:
            return "marked";
        case validity::overdue:
            return "overdue";
        case validity::purged:
            return "purged";
        case validity::vary:
            return "vary";
        case validity::groups:
            return "groups";
        case validity::stale:
            return "stale";
    }
    return "unknown";
}

validity judge(store::held_text const& bytes,
               store::answered_by const& by,
               std::span<store::tag_reading const> tags,
               rules::decision const& wanted,
               rules::request const& asked,
               moment const& at,
               store::entry& into) {
    if (!bytes) {
        return validity::absent;
    }
    if (auto const ec = store::decode_entry(bytes, into); ec) {
        return validity::unreadable;
    }
    if (into.full_key != wanted.full_key) {
        return validity::other_request;
    }
    if (at.pending_purge) {
        return validity::pending_purge;
    }
    if (!is_verified(by, at)) {
        return validity::unverified;
    }
    if (by.quiet) {
        return validity::quarantine;
    }
    if (into.server != by.server && !weakened(weakness::ignore_server)) {
        return validity::other_server;
    }
    if (auto const v = judge_tags(into, by, tags, wanted.tags); v != validity::hit) {
        return v;
    }
    if (!rules::vary_matches(into.vary, asked)) {
        return validity::vary;
    }
    if (has_other_groups(into, wanted.tags)) {
        return validity::groups;
    }
    return into.ttl_left_ms(at.now) > 0 ? validity::hit : validity::stale;
}

bool sight::same_ground(sight const& other) const {
    return clean && other.clean && server == other.server && generations == other.generations;
}

sight see(store::answered_by const& by,
          std::span<store::tag_reading const> tags,
          moment const& at) {
    sight seen;
    seen.server = by.server;
    bool missing = false;
    bool disturbed = at.pending_purge || by.quiet || !is_verified(by, at);
    for (auto const& tag : tags) {
        missing = missing || !tag.present;
        disturbed = disturbed || (tag.present && (tag.marker || is_overdue(tag, by)));
        seen.generations.push_back(tag.gen);
    }
    seen.clean = !missing && !disturbed;
    seen.only_missing = missing && !disturbed;
    return seen;
}

}  // namespace sidecache::cache
