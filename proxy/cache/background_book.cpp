#include "proxy/cache/background_book.hpp"

#include <algorithm>
#include <functional>

namespace sidecache::cache {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using telemetry::background_outcome;

std::uint64_t hash_of(std::string_view key) {
    return std::hash<std::string_view>{}(key);
}

/// Before the same key is tried again.
constexpr milliseconds when_dropped{100};

milliseconds rest_after(background_outcome how) {
    switch (how) {
        case background_outcome::stored:
            return milliseconds(0);
        case background_outcome::dropped:
        case background_outcome::found:
            return when_dropped;
        case background_outcome::under_way:
        case background_outcome::hindered:
        case background_outcome::failed:
            return seconds(1);
        case background_outcome::not_stored:
            return seconds(5);
    }
    return seconds(1);
}

}  // namespace

background_permit::~background_permit() {
    if (book_ != nullptr) {
        end(background_outcome::failed, boot_clock::now());
    }
}

void background_permit::end(background_outcome how, boot_clock::time_point now) {
    if (auto* const book = std::exchange(book_, nullptr)) {
        book->end(*this, how, now);
    }
}

bool background_book::rests(std::string_view full_key, time_point now) const {
    auto const hash = hash_of(full_key);
    auto const& at = (*places_)[hash % places];
    return at.hash.load(std::memory_order_relaxed) == hash &&
           now.time_since_epoch().count() < at.until.load(std::memory_order_relaxed);
}

// Two threads may mix up their halves of one place: then a key rests that need not, or one that
// should does not, for once.
void background_book::rest(std::uint64_t key_hash, time_point until) {
    auto& at = (*places_)[key_hash % places];
    at.hash.store(key_hash, std::memory_order_relaxed);
    at.until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

std::optional<background_permit> background_book::begin(std::string_view full_key,
                                                        std::string_view rule,
                                                        limits const& bounds,
                                                        time_point now) {
    auto const hash = hash_of(full_key);
    if (rests(full_key, now)) {
        return std::nullopt;
    }
    std::lock_guard const guard(mutex_);
    if (rests(full_key, now)) {
        return std::nullopt;
    }
    auto found = rules_.find(rule);
    if (found == rules_.end()) {
        found = rules_.emplace(rule, rule_state()).first;
    }
    auto& state = found->second;
    if (now < state.paused_until) {
        rest(hash, state.paused_until);
        return std::nullopt;
    }
    if (under_way_ >= bounds.total || state.under_way >= bounds.per_rule) {
        rest(hash, now + when_dropped);
        return std::nullopt;
    }
    ++under_way_;
    ++state.under_way;
    rest(hash, time_point::max());
    return background_permit(*this, rule, hash);
}

void background_book::end(background_permit const& permit, background_outcome how, time_point now) {
    std::lock_guard const guard(mutex_);
    --under_way_;
    auto& state = rules_.find(permit.rule_)->second;
    --state.under_way;
    auto until = now + rest_after(how);
    if (how == background_outcome::failed) {
        // Those that began together and fail together count once.
        if (now >= state.paused_until) {
            auto const pause = std::min<seconds>(first_pause * (1U << std::min(state.failures, 6U)),
                                                 longest_pause);
            state.paused_until = now + pause;
            ++state.failures;
        }
        until = state.paused_until;
    } else if (how == background_outcome::stored || how == background_outcome::not_stored) {
        state.failures = 0;
    }
    auto const& at = (*places_)[permit.key_hash_ % places];
    if (at.hash.load(std::memory_order_relaxed) == permit.key_hash_) {
        rest(permit.key_hash_, until);
    }
}

std::size_t background_book::under_way() const {
    std::lock_guard const guard(mutex_);
    return under_way_;
}

}  // namespace sidecache::cache
