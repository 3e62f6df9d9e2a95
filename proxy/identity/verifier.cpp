#include "proxy/identity/verifier.hpp"

#include "proxy/async/event.hpp"
#include "proxy/http/forwarded.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace sidecache::identity {

using telemetry::identity_outcome;

namespace {

identity_outcome outcome_of(verdict const& found) {
    switch (found.what) {
        case outcome::verified:
            return identity_outcome::verified;
        case outcome::rejected:
            return identity_outcome::rejected;
        case outcome::failed:
            break;
    }
    return identity_outcome::failed;
}

}  // namespace

/// A request that waits: lives on its own worker, woken from any.
class verifier::waiter {
public:
    explicit waiter(executor const& ex) : ex_(ex), woken_(ex) {}

    static void wake(std::shared_ptr<waiter> one, answer told) {
        auto const ex = one->ex_;
        auto on_its_worker = [w = std::move(one), told = std::move(told)]() mutable {
            w->told_ = std::move(told);
            w->is_done_ = true;
            w->woken_.notify_all();
        };
        asio::post(ex, std::move(on_its_worker));
    }

    static task<answer> wait(std::shared_ptr<waiter> one) {
        while (!one->is_done_) {
            co_await one->woken_.wait();
        }
        co_return one->told_;
    }

private:
    executor ex_;
    event woken_;  // its worker only, as is what follows
    bool is_done_ = false;
    answer told_;
};

/// Nobody waits for an inquiry that was cut off.
class verifier::conclusion {
public:
    conclusion(std::shared_ptr<verifier> owner, rules::credential_hash const& of)
        : owner_(std::move(owner)), of_(of), asked_at_(boot_clock::now()) {}
    conclusion(conclusion const&) = delete;
    conclusion& operator=(conclusion const&) = delete;
    ~conclusion() { owner_->conclude(of_, found, asked_at_); }

    verdict found;

private:
    std::shared_ptr<verifier> owner_;
    rules::credential_hash of_;
    boot_clock::time_point asked_at_;
};

verifier::verifier(std::vector<std::string> fields, std::unique_ptr<source> by, std::size_t max)
    : fields_(std::move(fields)), by_(std::move(by)), known_(max) {}

verifier::~verifier() {
    assert(rounds_.empty() && "an inquiry keeps its verifier");
}

sighting verifier::look(rules::request const& r,
                        std::string_view host,
                        boot_clock::time_point now) {
    sighting out;
    bool any = false;
    for (auto const& name : fields_) {
        auto const count = std::ranges::count_if(
            r.fields, [&](rules::field const& f) { return rules::iequals(f.name, name); });
        // Which of two counts is the backend's to say, and it may say so differently elsewhere. A
        // cookie may come in several lines (RFC 9113 section 8.2.3).
        if (count > 1 && !rules::iequals(name, "Cookie")) {
            return out;
        }
        any = any || count != 0;
    }
    if (!any) {
        return out;
    }
    auto const hash = rules::hash_credential(r.fields, fields_, host);
    if (!hash) {
        return out;
    }
    out.of = *hash;
    if (auto known = known_.find(*hash, now)) {
        out.what = known->who ? sighting::kind::known : sighting::kind::refused;
        out.who = std::move(known->who);
        return out;
    }
    out.what = sighting::kind::unknown;
    return out;
}

task<verifier::answer> verifier::verify(asking from,
                                        http::request_head const& about,
                                        std::string_view host,
                                        rules::credential_hash of) {
    auto const mine = std::make_shared<waiter>(from.ex);
    bool is_first = false;
    {
        std::lock_guard const lock(mutex_);
        auto const place = rounds_.find(of);
        if (place != rounds_.end()) {
            place->second.push_back(mine);
        } else if (auto const known = known_.find(of, boot_clock::now())) {
            // Another's inquiry has ended since we looked: it tells the table before its round
            // goes.
            co_return answer{known->who, identity_outcome::joined};
        } else if (rounds_.size() >= most_rounds) {
            co_return answer{nullptr, identity_outcome::busy};
        } else {
            rounds_[of].push_back(mine);
            is_first = true;
        }
    }
    if (is_first) {
        auto question = question_of(about, host, from.upstream);
        from.background.spawn("identity", inquire(shared_from_this(), std::move(question), of));
    }
    auto told = co_await waiter::wait(mine);
    if (!is_first) {
        told.how = identity_outcome::joined;
    }
    co_return told;
}

task<void> verifier::inquire(std::shared_ptr<verifier> self,
                             inquiry question,
                             rules::credential_hash of) {
    conclusion end(self, of);
    end.found = co_await self->by_->verify(question);
}

// The table first, then the round: whoever finds no round any longer finds what it told.
void verifier::conclude(rules::credential_hash const& of,
                        verdict const& found,
                        boot_clock::time_point asked_at) {
    remember(of, found, asked_at);
    round waiting;
    {
        std::lock_guard const lock(mutex_);
        auto const place = rounds_.find(of);
        assert(place != rounds_.end() && "an inquiry has its round until it ends");
        waiting = std::move(place->second);
        rounds_.erase(place);
    }
    for (auto& each : waiting) {
        waiter::wake(std::move(each), answer{found.who, outcome_of(found)});
    }
}

void verifier::remember(rules::credential_hash const& of,
                        verdict const& found,
                        boot_clock::time_point asked_at) {
    if (found.keep > std::chrono::milliseconds(0)) {
        known_.put(of, found.who, asked_at + found.keep, asked_at);
    }
}

task<verifier::answer> verifier::ask_again(upstream::client& upstream,
                                           http::request_head const& about,
                                           std::string_view host,
                                           rules::credential_hash const& of) {
    auto const asked_at = boot_clock::now();
    auto const question = question_of(about, host, upstream);
    auto const found = co_await by_->verify(question);
    if (found.what == outcome::failed) {
        // Nothing was said against what is known: it lasts as long as it would have.
        co_return answer{nullptr, identity_outcome::failed};
    }
    remember(of, found, asked_at);
    co_return answer{found.who, outcome_of(found)};
}

inquiry verifier::question_of(http::request_head const& about,
                              std::string_view host,
                              upstream::client& upstream) const {
    inquiry question{{}, std::string(host), http::make_request_id(), upstream};
    for (auto const& f : about.fields.all()) {
        auto const is_it = [&](auto const& name) { return rules::iequals(f.name, name); };
        if (std::ranges::any_of(fields_, is_it)) {
            question.credentials.add(f.name, f.value);
        }
    }
    return question;
}

std::size_t verifier::under_way() const {
    std::lock_guard const lock(mutex_);
    return rounds_.size();
}

}  // namespace sidecache::identity
