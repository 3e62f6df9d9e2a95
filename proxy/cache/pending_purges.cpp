#include "proxy/cache/pending_purges.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sidecache::cache {

namespace {

/// The later of two deadlines, where none is earliest.
std::optional<boot_clock::time_point> later(std::optional<boot_clock::time_point> a,
                                            std::optional<boot_clock::time_point> b) {
    return !a || (b && *b > *a) ? b : a;
}

}  // namespace

pending_purges::pending_purges(telemetry::process_metrics& metrics, std::size_t max_tags)
    : metrics_(metrics), max_tags_(max_tags) {}

pending_purges::~pending_purges() = default;

bool pending_purges::covers(rules::tag_list const& tags) const {
    std::lock_guard const lock(mutex_);
    if (everything_) {
        return true;
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
        if (tags_.find(tags[i]) != tags_.end()) {
            return true;
        }
    }
    return false;
}

pending_purges::holding pending_purges::hold(std::vector<std::string> tags,
                                             std::shared_ptr<rules::rule_set const> rules) {
    {
        std::lock_guard const lock(mutex_);
        for (auto const& tag : tags) {
            ++tags_[tag].holders;
        }
        publish_size();
    }
    holding h;
    h.owner_ = this;
    h.tags_ = std::move(tags);
    h.rules_ = std::move(rules);
    return h;
}

void pending_purges::release(std::vector<std::string> const& tags) {
    std::lock_guard const lock(mutex_);
    for (auto const& tag : tags) {
        auto const at = tags_.find(tag);
        if (at == tags_.end()) {
            continue;  // folded away
        }
        if (at->second.holders != 0) {
            --at->second.holders;
        }
        if (at->second.holders == 0 && at->second.owed == 0) {
            tags_.erase(at);
        }
    }
    publish_size();
}

void pending_purges::owe(std::vector<rules::planned_mark> changed,
                         std::optional<boot_clock::time_point> keep_until,
                         std::vector<std::string> purges,
                         rules::rule_set const* rules) {
    std::lock_guard const lock(mutex_);
    owed_.push_back({++last_number_, std::move(purges)});
    for (auto& mark : changed) {
        add_owed(std::move(mark.tag), std::move(mark.exact_key), keep_until);
    }
    if (tags_.size() > max_tags_ && rules != nullptr) {
        fold(*rules);
    }
    publish_size();
}

void pending_purges::add_owed(std::string tag,
                              std::string exact_key,
                              std::optional<boot_clock::time_point> keep_until) {
    auto& s = tags_[std::move(tag)];
    s.keep_until = s.owed == 0 ? keep_until : later(s.keep_until, keep_until);
    s.owed = last_number_;
    if (!exact_key.empty()) {
        s.exact_key = std::move(exact_key);
    }
}

// Tags that mutations under way hold stay by name; of what is owed only the rules' own tags, and
// everybody is covered until those are bumped.
void pending_purges::fold(rules::rule_set const& rules) {
    std::optional<boot_clock::time_point> keep;
    for (auto at = tags_.begin(); at != tags_.end();) {
        keep = later(keep, at->second.owed == 0 ? std::nullopt : at->second.keep_until);
        at->second.owed = 0;
        at = at->second.holders == 0 ? tags_.erase(at) : std::next(at);
    }
    everything_ = true;
    for (auto const& rule : rules.rules()) {
        add_owed(rules::rule_set::rule_tag(rule.definition.name.value), {}, keep);
    }
}

pending_purges::batch pending_purges::due() const {
    std::lock_guard const lock(mutex_);
    batch b;
    b.upto = last_number_;
    for (auto const& [tag, s] : tags_) {
        if (s.owed != 0) {
            b.tags.push_back({tag, s.exact_key, s.keep_until});
        }
    }
    return b;
}

std::vector<std::string> pending_purges::settle(batch const& done) {
    std::lock_guard const lock(mutex_);
    for (auto const& paid : done.tags) {
        auto const at = tags_.find(paid.tag);
        if (at == tags_.end() || at->second.owed == 0 || at->second.owed > done.upto) {
            continue;
        }
        at->second.owed = 0;
        if (at->second.holders == 0) {
            tags_.erase(at);
        }
    }
    std::vector<std::string> names;
    while (!owed_.empty() && owed_.front().number <= done.upto) {
        std::move(
            owed_.front().purges.begin(), owed_.front().purges.end(), std::back_inserter(names));
        owed_.pop_front();
    }
    if (owed_.empty()) {
        everything_ = false;
    }
    publish_size();
    return names;
}

std::size_t pending_purges::size() const {
    std::lock_guard const lock(mutex_);
    return owed_.size();
}

bool pending_purges::claim_replay() {
    std::lock_guard const lock(mutex_);
    if (replaying_ || owed_.empty()) {
        return false;
    }
    replaying_ = true;
    return true;
}

bool pending_purges::rest() {
    std::lock_guard const lock(mutex_);
    replaying_ = !owed_.empty();
    return !replaying_;
}

void pending_purges::abandon_replay() {
    std::lock_guard const lock(mutex_);
    replaying_ = false;
}

void pending_purges::publish_size() {
    covering_.store(tags_.size() + (everything_ ? 1 : 0), std::memory_order_release);
    metrics_.purges_pending.store(static_cast<std::int64_t>(owed_.size()),
                                  std::memory_order_relaxed);
}

pending_purges::holding::holding(holding&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      tags_(std::move(other.tags_)),
      rules_(std::move(other.rules_)) {}

pending_purges::holding& pending_purges::holding::operator=(holding&& other) noexcept {
    assert(owner_ == nullptr && "what is held is released or owed first");
    owner_ = std::exchange(other.owner_, nullptr);
    tags_ = std::move(other.tags_);
    rules_ = std::move(other.rules_);
    return *this;
}

pending_purges::holding::~holding() {
    if (owner_ == nullptr) {
        return;
    }
    std::vector<rules::planned_mark> all;
    all.reserve(tags_.size());
    for (auto const& tag : tags_) {
        all.push_back({tag, rules::mark_kind::marker, {}});
    }
    owe(std::move(all), std::nullopt, {});
}

void pending_purges::holding::release() {
    assert(owner_ != nullptr && "released or owed once");
    std::exchange(owner_, nullptr)->release(tags_);
}

void pending_purges::holding::owe(std::vector<rules::planned_mark> changed,
                                  std::optional<boot_clock::time_point> keep_until,
                                  std::vector<std::string> purges) {
    assert(owner_ != nullptr && "released or owed once");
    auto* const owner = std::exchange(owner_, nullptr);
    // Owed first: at no moment is a tag in neither state.
    owner->owe(std::move(changed), keep_until, std::move(purges), rules_.get());
    owner->release(tags_);
}

}  // namespace sidecache::cache
