#include "proxy/cache/fill_table.hpp"

#include "proxy/cache/weakness.hpp"

#include <boost/asio/post.hpp>

#include <cassert>
#include <optional>
#include <utility>

namespace sidecache::cache {

/// One fill, guarded by its shard's mutex but for `name`.
struct fill_state {
    std::string name;
    bool sent = false;
    sight ground;  // once sent
    std::optional<settlement> outcome;
    std::vector<std::shared_ptr<fill_waiter>> waiters;
    /// The filler itself, while another fetch of the key is under way.
    std::shared_ptr<fill_waiter> turn;
};

void fill_waiter::wake(std::shared_ptr<fill_waiter> waiter, settlement outcome) {
    auto const ex = waiter->ex;
    auto on_its_worker = [w = std::move(waiter), o = std::move(outcome)]() mutable {
        w->result = std::move(o);
        w->done = true;
        w->woken.notify_all();
    };
    asio::post(ex, std::move(on_its_worker));
}

task<void> fill_waiter::wait(std::shared_ptr<fill_waiter> waiter) {
    while (!waiter->done) {
        co_await waiter->woken.wait();
    }
}

fill_permit::fill_permit(fill_table& table, std::shared_ptr<fill_state> state)
    : table_(&table), state_(std::move(state)) {}

fill_permit::fill_permit(fill_permit&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)), state_(std::move(other.state_)) {}

// Waking allocates a message: where there is no memory for it, the process ends.
// NOLINTNEXTLINE(bugprone-exception-escape)
fill_permit::~fill_permit() {
    if (state_) {
        table_->leave(*state_);
    }
}

task<void> fill_permit::turn() {
    if (!state_ || !state_->turn) {
        co_return;
    }
    // Set once, before the permit was handed out: reading the pointer needs no lock.
    auto const mine = state_->turn;
    co_await fill_waiter::wait(mine);
}

void fill_permit::sent(sight ground) {
    if (state_) {
        table_->sent(*state_, std::move(ground));
    }
}

void fill_permit::settle(settlement const& outcome) {
    if (state_) {
        table_->settle(*state_, outcome);
    }
}

task<settlement> fill_wait::settled() {
    auto const mine = waiter_;
    co_await fill_waiter::wait(mine);
    co_return mine->result;
}

fill_table::fill_table() = default;

fill_table::~fill_table() {
    assert(size() == 0 && "join every worker before the table goes");
}

fill_table::shard& fill_table::shard_of(std::string const& name) {
    return shards_[std::hash<std::string>{}(name) % shard_count];
}

std::string fill_table::name_of(void const* rules, std::string_view full_key) {
    std::string name(full_key);
    name.append(reinterpret_cast<char const*>(&rules), sizeof rules);
    return name;
}

fill_answer fill_table::ask(void const* rules,
                            std::string_view full_key,
                            sight const& own,
                            executor ex,
                            bool may_look_again) {
    if (is_unstorable(full_key)) {
        return fill_alone{};
    }
    auto const name = name_of(rules, full_key);
    auto& home = shard_of(name);
    std::lock_guard const guard(home.mutex);
    auto& here = home.slots[name];
    auto const join = [&](fill_state& fill) {
        auto waiter = std::make_shared<fill_waiter>(ex);
        if (fill.outcome) {
            waiter->result = *fill.outcome;
            waiter->done = true;
        } else {
            fill.waiters.push_back(waiter);
        }
        return fill_wait(std::move(waiter));
    };
    auto state = std::make_shared<fill_state>();
    state->name = name;
    if (!here.under_way) {
        here.under_way = state;
        return fill_permit(*this, std::move(state));
    }
    if (!here.under_way->sent || here.under_way->ground.same_ground(own) ||
        weakened(weakness::careless_join)) {
        return join(*here.under_way);
    }
    if (may_look_again && own.only_missing && here.under_way->ground.clean) {
        return look_again{};
    }
    if (here.next) {
        return join(*here.next);
    }
    state->turn = std::make_shared<fill_waiter>(ex);
    here.next = state;
    return fill_permit(*this, std::move(state));
}

std::optional<fill_permit> fill_table::take(void const* rules, std::string_view full_key) {
    if (is_unstorable(full_key)) {
        return std::nullopt;
    }
    auto state = std::make_shared<fill_state>();
    state->name = name_of(rules, full_key);
    auto& home = shard_of(state->name);
    std::lock_guard const guard(home.mutex);
    auto& here = home.slots[state->name];
    if (here.under_way) {
        return std::nullopt;
    }
    here.under_way = state;
    return fill_permit(*this, std::move(state));
}

void fill_table::sent(fill_state& state, sight ground) {
    std::lock_guard const guard(shard_of(state.name).mutex);
    state.ground = std::move(ground);
    state.sent = true;
}

void fill_table::settle(fill_state& state, settlement const& outcome) {
    std::vector<std::shared_ptr<fill_waiter>> waiters;
    bool const over = outcome.how != fill_end::shared;
    {
        std::lock_guard const guard(shard_of(state.name).mutex);
        if (state.outcome) {
            return;
        }
        state.outcome = outcome;
        waiters.swap(state.waiters);
    }
    for (auto& w : waiters) {
        fill_waiter::wake(std::move(w), outcome);
    }
    if (over) {
        leave(state);
    }
}

void fill_table::leave(fill_state& state) {
    std::vector<std::shared_ptr<fill_waiter>> waiters;
    std::shared_ptr<fill_waiter> next;
    {
        auto& home = shard_of(state.name);
        std::lock_guard const guard(home.mutex);
        waiters.swap(state.waiters);
        auto const found = home.slots.find(state.name);
        if (found != home.slots.end()) {
            auto& here = found->second;
            if (here.under_way.get() == &state) {
                here.under_way = std::move(here.next);
                here.next = nullptr;
                next = here.under_way ? here.under_way->turn : nullptr;
            } else if (here.next.get() == &state) {
                here.next = nullptr;
            }
            if (!here.under_way) {
                home.slots.erase(found);
            }
        }
    }
    for (auto& w : waiters) {
        fill_waiter::wake(std::move(w), settlement{});
    }
    if (next) {
        fill_waiter::wake(std::move(next), settlement{});
    }
}

std::size_t fill_table::size() const {
    std::size_t total = 0;
    for (auto& s : shards_) {
        std::lock_guard const guard(s.mutex);
        total += s.slots.size();
    }
    return total;
}

}  // namespace sidecache::cache
