#include "proxy/cache/ack_book.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace sidecache::cache {

/// The lists are under the book's lock; `bell` belongs to the worker of `ex`.
struct ack_book::page {
    explicit page(executor e) : ex(e), bell(e) {}
    executor ex;
    steady_timer bell;
    std::vector<std::string> answered;  // before anybody said whom to expect
    std::vector<store::near_member> missing;
    bool expects = false;

    std::optional<std::chrono::nanoseconds> longest_missing() const {
        std::optional<std::chrono::nanoseconds> longest;
        for (auto const& m : missing) {
            longest = std::max(longest.value_or(m.lease), m.lease);
        }
        return longest;
    }
};

ack_book::round::round(ack_book& book, store::id128 id, executor ex)
    : book_(book), id_(id), page_(std::make_shared<page>(ex)) {
    std::scoped_lock const guard(book_.mutex_);
    book_.pages_.emplace(id_, page_);
}

ack_book::round::~round() {
    std::scoped_lock const guard(book_.mutex_);
    book_.pages_.erase(id_);
}

void ack_book::round::expect(std::span<store::near_member const> members) {
    std::scoped_lock const guard(book_.mutex_);
    page_->expects = true;
    for (auto const& m : members) {
        auto const& known = page_->answered;
        if (std::find(known.begin(), known.end(), m.id) == known.end()) {
            page_->missing.push_back(m);
        }
    }
}

std::optional<std::chrono::nanoseconds> ack_book::round::longest_missing() const {
    std::scoped_lock const guard(book_.mutex_);
    return page_->longest_missing();
}

std::vector<store::near_member> ack_book::round::missing() const {
    std::scoped_lock const guard(book_.mutex_);
    return page_->missing;
}

task<void> ack_book::round::wait(std::chrono::steady_clock::time_point until) {
    auto const page = page_;
    page->bell.expires_at(until);
    // Whoever answers from here on rings when this coroutine is suspended: ringing is posted.
    auto [ec] = co_await page->bell.async_wait(as_tuple);
    (void)ec;
}

void ack_book::acknowledged(store::id128 id, store::id128 member) {
    std::shared_ptr<page> waits_less;
    {
        std::scoped_lock const guard(mutex_);
        auto const at = pages_.find(id);
        if (at == pages_.end()) {
            return;
        }
        auto& page = *at->second;
        auto name = member.hex();
        if (!page.expects) {
            page.answered.push_back(std::move(name));
            return;
        }
        auto const before = page.longest_missing();
        std::erase_if(page.missing, [&](auto const& m) { return m.id == name; });
        if (page.longest_missing() != before) {
            waits_less = at->second;
        }
    }
    if (waits_less) {
        auto const ex = waits_less->ex;
        asio::post(ex, [page = std::move(waits_less)] { page->bell.cancel(); });
    }
}

std::size_t ack_book::size() const {
    std::scoped_lock const guard(mutex_);
    return pages_.size();
}

}  // namespace sidecache::cache
