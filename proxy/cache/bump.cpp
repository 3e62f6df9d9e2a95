#include "proxy/cache/bump.hpp"

#include "proxy/cache/mark_set.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/store/store.hpp"
#include "rules/http_cache/groups.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::cache {

namespace {

// One pipelined batch of commands: bounds what is written in one go.
constexpr std::size_t most_at_once = 500;

}  // namespace

task<result<std::size_t>> bump_publish_wait(worker_parts const& parts,
                                            store::mutation_id id,
                                            std::span<pending_purges::owed const> tags) {
    using std::chrono::milliseconds;
    auto const config = parts.current->config;
    auto const now = boot_clock::now();
    // As for a hit: within a lease of the last look at who answers (mutation_machine.cpp).
    auto const is_verified = [&](store::answered_by const& by) {
        return boot_clock::now() - by.checked_at < config->near_cache.lease;
    };
    // The tag of all groups is never bumped behind a group (entry_groups.hpp): in one batch both
    // are marked before, in several it goes first.
    std::vector<pending_purges::owed> ordered;
    if (tags.size() > most_at_once) {
        ordered.assign(tags.begin(), tags.end());
        std::partition(ordered.begin(), ordered.end(), [](auto const& t) {
            return t.tag == rules::http_cache::any_group;
        });
        tags = ordered;
    }
    std::size_t removed = 0;
    std::vector<std::string> rule_tags;
    std::vector<std::string_view> all;
    std::unique_ptr<notice> sent;  // with the last end
    for (std::size_t first = 0; first < tags.size(); first += most_at_once) {
        auto const some = tags.subspan(first, std::min(most_at_once, tags.size() - first));
        std::vector<store::begin_mark> begin_marks;
        std::vector<store::end_mark> end_marks;
        milliseconds life = config->store.margin;
        for (auto const& tag : some) {
            auto action = store::end_action::bump;
            if (tag.keep_until && *tag.keep_until > now) {
                action = store::end_action::bump_keep;
                life = std::max(life, std::chrono::ceil<milliseconds>(*tag.keep_until - now));
            }
            begin_marks.push_back({tag.tag, rules::mark_kind::marker});
            end_marks.push_back({tag.tag, action, tag.exact_key});
            all.push_back(tag.tag);
        }
        auto begun = co_await parts.store.begin(id, begin_marks, life, config->tag_life());
        if (begun && !is_verified(begun->by)) {
            auto const known = co_await parts.store.verify();
            if (!known) {
                co_return known.error();
            }
            begun = co_await parts.store.begin(id, begin_marks, life, config->tag_life());
        }
        if (!begun) {
            co_return begun.error();
        }
        if (begun->foreign_fingerprint && rule_tags.empty()) {
            for (auto const& rule : config->rules->rules()) {
                rule_tags.push_back(rules::rule_set::rule_tag(rule.definition.name.value));
            }
            for (auto const& name : begun->foreign_rules) {
                rule_tags.push_back(rules::rule_set::rule_tag(name));
            }
            std::sort(rule_tags.begin(), rule_tags.end());
            rule_tags.erase(std::unique(rule_tags.begin(), rule_tags.end()), rule_tags.end());
            // One that is owed itself may have to keep its marker: that end says it already.
            std::erase_if(rule_tags, [&](auto const& rule_tag) {
                return std::any_of(
                    tags.begin(), tags.end(), [&](auto const& t) { return t.tag == rule_tag; });
            });
            for (auto const& tag : rule_tags) {
                end_marks.push_back({tag, store::end_action::bump, {}});
            }
        }
        store::companions also;
        if (first + some.size() == tags.size()) {
            all.insert(all.end(), rule_tags.begin(), rule_tags.end());
            sent = parts.process.replicas.compose(parts, all);
            also.drop = sent ? std::string_view(sent->payload) : std::string_view();
        }
        auto ended = co_await parts.store.end_with(id, end_marks, life, config->tag_life(), also);
        if (!ended) {
            co_return ended.error();
        }
        if (sent) {
            sent->told = std::move(ended->told);
            sent->since = boot_clock::now();
        }
        if (!is_verified(ended->by)) {
            co_return store::store_error::unreachable;  // who else reads where is not known
        }
        removed += ended->removed;
    }
    if (all.empty()) {
        co_return removed;
    }
    auto& replicas = parts.process.replicas;
    bool told = false;
    if (sent) {
        told = co_await replicas.wait(parts, *sent, all);
    } else {
        told = co_await replicas.publish_and_wait(parts, all);
    }
    if (!told) {
        co_return store::store_error::unreachable;
    }
    co_return removed;
}

}  // namespace sidecache::cache
