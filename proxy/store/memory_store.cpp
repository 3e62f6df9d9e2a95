#include "proxy/store/memory_store.hpp"

#include "proxy/store/entry_codec.hpp"
#include "proxy/store/meter.hpp"
#include "rules/rule_set.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace sidecache::store {

namespace {

using telemetry::store_command;

using std::chrono::milliseconds;

/// At least so long lives a tag that is made only to have a new generation.
constexpr milliseconds forgotten_tags_live = std::chrono::hours(1);
/// How many keys of a purged tag are removed before `end` returns, and a batch afterwards.
constexpr std::size_t removed_at_once = 128;

/// Removes what is left of a tag's index in batches, each a turn of the worker's loop: a purge of
/// a million keys holds nobody up. What was filled under the tag's new generation is spared, and
/// goes back into the index at the end.
struct sweep {
    memory_hub* hub;
    executor ex;
    std::string tag;
    std::string sign;
    std::vector<std::pair<std::string, unix_ms>> spared;

    void operator()() {
        auto const now = hub->now();
        auto const keys = hub->map().take_noted(tag, removed_at_once, now);
        auto const counted = hub->counted().under(tag);
        for (auto const& key : keys) {
            if (auto const until = hub->map().remove_entry_without(key, sign, now)) {
                spared.emplace_back(key, *until);
                continue;
            }
            for (auto const& other : counted) {
                hub->map().forget_noted(other, key, now);
            }
        }
        if (!keys.empty()) {
            asio::post(ex, std::move(*this));
            return;
        }
        for (auto const& [key, until] : spared) {
            hub->map().note(tag, key, until, now);
        }
    }
};

class memory_store final : public store {
public:
    memory_store(memory_hub& hub, executor ex, metrics_source metrics)
        : hub_(hub), ex_(std::move(ex)), meter_(std::move(metrics)) {}

    task<result<reading>> read(std::string_view key, rules::tag_list const& tags) override {
        auto const now = hub_.now();
        reading r{hub_.by(), hub_.map().find_entry(key, now), {}};
        r.tags.reserve(tags.size());
        for (std::size_t i = 0; i < tags.size(); ++i) {
            r.tags.push_back(hub_.map().find_tag(tags[i], now));
        }
        meter_.count(store_command::read, store_error::ok);
        co_return r;
    }

    task<result<fill_ground>> begin_fill(fill_request const& r) override {
        auto const now = hub_.now();
        fill_ground g;
        g.by = hub_.by();
        g.tags.resize(r.tags->size());
        for (std::size_t i = 0; i < r.tags->size(); ++i) {
            auto const fresh = hub_.ids().next();
            hub_.map().change_tag((*r.tags)[i], now, [&](std::optional<stored_tag> before) {
                auto after = snapshot_tag(std::move(before), fresh, now, r.keep_tags);
                g.tags[i] = read_tag(after.value);
                return after;
            });
        }
        if (!r.lock_key.empty()) {
            auto const until = now + r.lock_ttl.count();
            auto const taken = hub_.map().take_lock(r.lock_key, r.lock_token, until, now);
            g.lock = taken ? lock_state::acquired : lock_state::held;
        }
        g.entry = hub_.map().find_entry(r.key, now);
        g.is_full = r.max_keys > 0 && !hub_.map().has_room(r.counted_tag, r.key, r.max_keys, now);
        meter_.count(store_command::fill, store_error::ok);
        co_return g;
    }

    task<result<void>> put(put_request const& r) override {
        auto const now = hub_.now();
        auto const until = now + r.ttl.count();
        auto bytes = std::make_shared<std::string const>(r.bytes);
        auto const stored = hub_.map().put_entry(r.key, std::move(bytes), until, now);
        for (std::size_t i = 0; stored && i < r.tags->size(); ++i) {
            if ((*r.tags)[i] != r.key) {
                hub_.map().note((*r.tags)[i], r.key, until, now);
            }
        }
        if (!r.lock_key.empty()) {
            auto const outcome = stored ? fill_outcome::stored : fill_outcome::not_stored;
            release(r.lock_key, r.lock_token, outcome, now);
        }
        auto const error = stored ? store_error::ok : store_error::refused;
        meter_.count(store_command::put, error);
        if (!stored) {
            co_return error;
        }
        co_return result<void>();
    }

    task<result<void>> release_lock(std::string_view lock_key,
                                    id128 token,
                                    fill_outcome outcome) override {
        release(lock_key, token, outcome, hub_.now());
        meter_.count(store_command::lock, store_error::ok);
        co_return result<void>();
    }

    task<result<bool>> extend_lock(std::string_view lock_key,
                                   id128 token,
                                   std::chrono::milliseconds ttl) override {
        auto const now = hub_.now();
        meter_.count(store_command::lock, store_error::ok);
        co_return hub_.map().extend_lock(lock_key, token, now + ttl.count(), now);
    }

    task<result<bool>> lock_held(std::string_view lock_key) override {
        meter_.count(store_command::lock, store_error::ok);
        co_return hub_.map().has_lock(lock_key, hub_.now());
    }

    task<result<begun>> begin(mutation_id id,
                              std::span<begin_mark const> marks,
                              std::chrono::milliseconds life,
                              std::chrono::milliseconds keep_tags) override {
        auto const now = hub_.now();
        begun b;
        b.by = hub_.by();
        b.tags.resize(marks.size());
        for (std::size_t i = 0; i < marks.size(); ++i) {
            auto const fresh = hub_.ids().next();
            hub_.map().change_tag(marks[i].tag, now, [&](std::optional<stored_tag> before) {
                auto after =
                    begin_tag(std::move(before), fresh, now, id, marks[i].kind, life, keep_tags);
                b.tags[i] = {after.value.gen, has_other_marker(after.value, id)};
                return after;
            });
        }
        meter_.count(store_command::begin, store_error::ok);
        co_return b;
    }

    task<result<ended>> end(mutation_id id,
                            std::span<end_mark const> marks,
                            std::chrono::milliseconds life,
                            std::chrono::milliseconds keep_tags) override {
        auto const now = hub_.now();
        ended e;
        e.by = hub_.by();
        for (auto const& m : marks) {
            auto const fresh = hub_.ids().next();
            hub_.map().change_tag(m.tag, now, [&](std::optional<stored_tag> before) {
                auto t = end_tag(std::move(before), fresh, now, id, m.action, life, keep_tags);
                e.had_mark.push_back(t.had_mark);
                e.after.push_back(t.after.value.gen);
                return std::move(t.after);
            });
        }
        // Only now: an entry removed before its tag is bumped could be filled again from before.
        for (std::size_t i = 0; i < marks.size(); ++i) {
            if (marks[i].action != end_action::clear) {
                e.removed += remove(marks[i], e.after[i], now);
            }
        }
        meter_.count(store_command::end, store_error::ok);
        co_return e;
    }

    std::optional<id128> server() const override { return hub_.by().server; }

    task<result<void>> publish(std::string_view payload) override {
        hub_.deliver(payload);
        meter_.count(store_command::publish, store_error::ok);
        co_return result<void>();
    }

    store_status status() const override {
        store_status s;
        s.up = true;
        s.description = "memory://";
        s.server = hub_.by().server.hex();
        s.standing = hub_.standing();
        return s;
    }

private:
    void release(std::string_view lock_key, id128 token, fill_outcome outcome, unix_ms now) {
        hub_.map().release_lock(lock_key, token, now);
        std::string payload;
        format_to(payload, {outcome, lock_key});
        hub_.deliver(payload);
    }

    std::size_t remove(end_mark const& m, generation after, unix_ms now) {
        std::size_t removed = 0;
        auto const counted = hub_.counted().under(m.tag);
        auto const remove_key = [&](std::string_view key) {
            removed += hub_.map().remove_entry(key) ? 1U : 0U;
            for (auto const& tag : counted) {
                hub_.map().forget_noted(tag, key, now);
            }
        };
        if (!m.exact_key.empty()) {
            remove_key(m.exact_key);
        }
        auto const keys = hub_.map().take_noted(m.tag, removed_at_once, now);
        for (auto const& key : keys) {
            remove_key(key);
        }
        if (keys.size() == removed_at_once) {
            std::string sign;
            append_tag_bytes(sign, m.tag, after);
            asio::post(ex_, sweep{&hub_, ex_, std::string(m.tag), std::move(sign), {}});
        }
        return removed;
    }

    memory_hub& hub_;
    executor ex_;
    meter meter_;
};

}  // namespace

memory_hub::memory_hub(memory_options options, id_source& ids)
    : options_(std::move(options)), ids_(ids), server_(ids.next()), map_(options_.bytes) {
    lease_.grant_for_ever();  // nobody else writes to it
}

memory_hub::~memory_hub() = default;

std::unique_ptr<store> memory_hub::make_store(asio::io_context& worker, metrics_source metrics) {
    return std::make_unique<memory_store>(*this, worker.get_executor(), std::move(metrics));
}

void memory_hub::subscribe(asio::io_context& worker,
                           event_sink sink,
                           std::function<void()> /*lost: nothing gets lost inside a process*/) {
    std::scoped_lock const guard(mutex_);
    subscribers_.push_back({worker.get_executor(), std::make_shared<event_sink>(std::move(sink))});
}

void memory_hub::serve_near(std::function<void()> /*empty: nothing gets lost*/) {
    serves_near_ = true;
}

void memory_hub::leave_near() {
    serves_near_ = false;
}

void memory_hub::acknowledge(id128 /*round*/, id128 /*member*/) {
    // Nobody but this process drops anything here.
}

void memory_hub::announce(std::string /*fingerprint*/,
                          std::vector<std::string> rule_names,
                          std::function<void()> confirmed) {
    {
        std::scoped_lock const guard(mutex_);
        rule_names_ = std::move(rule_names);
    }
    // One process, one set of rules: there is no other member to tell.
    if (confirmed) {
        confirmed();
    }
}

void memory_hub::forget_older() {
    std::scoped_lock const guard(mutex_);
    auto const mutation = ids_.next();
    for (auto const& name : rule_names_) {
        auto const tag = rules::rule_set::rule_tag(name);
        map_.change_tag(tag, now(), [&](std::optional<stored_tag> before) {
            return end_tag(std::move(before),
                           ids_.next(),
                           now(),
                           mutation,
                           end_action::bump,
                           milliseconds(0),
                           forgotten_tags_live)
                .after;
        });
    }
}

membership::status memory_hub::standing() const {
    membership::status s;
    s.serves_near = serves_near_;
    s.holds_lease = lease_.holds(boot_clock::now());
    s.is_subscribed = s.is_listed = s.is_settled = true;
    return s;
}

void memory_hub::stop() {
    std::scoped_lock const guard(mutex_);
    subscribers_.clear();
}

answered_by memory_hub::by() const {
    return {server_, boot_clock::now(), options_.now()};
}

void memory_hub::deliver(std::string_view payload) {
    auto const text = std::make_shared<std::string const>(payload);
    std::scoped_lock const guard(mutex_);
    for (auto const& s : subscribers_) {
        asio::post(s.ex, [sink = s.sink, text] { (*sink)(*text); });
    }
}

}  // namespace sidecache::store
