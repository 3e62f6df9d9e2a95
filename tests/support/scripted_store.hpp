#pragma once

#include "proxy/async/event.hpp"
#include "proxy/store/store.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::test {

/// Inside a class that derives from `store::store`, `store` is the class.
namespace stores = sidecache::store;

/// Ids in order: 1, 2, 3...
class counting_ids final : public stores::id_source {
public:
    stores::id128 next() override { return {0, ++last_}; }

private:
    std::uint64_t last_ = 0;
};

/// The replies to one command. The next scripted one is used up by each call; behind the last,
/// `otherwise` answers.
template <class Reply, class... Arguments>
struct script {
    using answer = std::function<result<Reply>(Arguments...)>;
    std::deque<answer> next;
    answer otherwise;

    void then(answer a) { next.push_back(std::move(a)); }
    void then_fail(stores::store_error e) {
        next.push_back([e](Arguments...) -> result<Reply> { return make_error_code(e); });
    }
    void always_fail(stores::store_error e) {
        otherwise = [e](Arguments...) -> result<Reply> { return make_error_code(e); };
    }
    result<Reply> answer_to(Arguments... a) {
        if (next.empty()) {
            return otherwise(a...);
        }
        auto const now = std::move(next.front());
        next.pop_front();
        return now(a...);
    }
};

/// A store whose replies the test writes, and whose calls it reads. Without a script everything
/// succeeds: nothing is stored, each tag has a generation of its own (`generation_of`), locks are
/// free, own marks stand until their end. One thread.
class scripted_store final : public stores::store {
public:
    explicit scripted_store(executor ex);

    /// Every call in order, one line each, as it was made:
    ///
    ///     read product:42:details [rule:product-details product:42*]
    ///     begin_fill product:42:details [rule:product-details] lock product:42:lock
    ///     put product:42:details [rule:product-details]
    ///     release_lock product:42:lock not_stored
    ///     extend_lock product:42:lock
    ///     lock_held product:42:lock
    ///     begin [m product:42*] [i schema:*:products]
    ///     end [b product:42*] [c schema:*:products]
    ///     verify
    ///     publish PAYLOAD
    ///     publish_drop
    ///     dismiss 0f...
    std::vector<std::string> calls;
    std::size_t count(std::string_view command) const;

    /// A call that waits at its door: made (it stands in `calls`), not answered before `open`.
    class gate {
    public:
        explicit gate(executor ex) : opened_(ex) {}
        bool reached = false;
        void open() {
            open_ = true;
            opened_.notify_all();
        }
        task<void> pass();

    private:
        event opened_;
        bool open_ = false;
    };
    /// The next call of that command (its word in `calls`) stops before its reply is looked up.
    std::shared_ptr<gate> hold(std::string command);

    script<stores::reading, std::string_view, rules::tag_list const&> on_read;
    script<stores::fill_ground, stores::fill_request const&> on_begin_fill;
    script<void, stores::put_request const&> on_put;
    script<void, std::string_view> on_release_lock;
    script<bool, std::string_view> on_extend_lock;
    script<bool, std::string_view> on_lock_held;
    script<stores::begun, std::span<stores::begin_mark const>> on_begin;
    script<stores::ended, std::span<stores::end_mark const>> on_end;
    script<void> on_verify;
    script<void, std::string_view> on_publish;
    script<stores::audience, std::string_view> on_publish_drop;

    /// Who answers: the server that every default reply names.
    stores::id128 identity{0x5e, 0x1};
    stores::answered_by by() const;
    /// The generation of a tag in default replies, the same each time.
    static stores::generation generation_of(std::string_view tag);
    /// The life of the last `begin` and `end`.
    std::chrono::milliseconds begin_life{0};
    std::chrono::milliseconds end_life{0};
    stores::store_status reported;

    task<result<stores::reading>> read(std::string_view key, rules::tag_list const& tags) override;
    task<result<stores::fill_ground>> begin_fill(stores::fill_request const& r) override;
    task<result<void>> put(stores::put_request const& r) override;
    task<result<void>> release_lock(std::string_view lock_key,
                                    stores::id128 token,
                                    stores::fill_outcome outcome) override;
    task<result<bool>> extend_lock(std::string_view lock_key,
                                   stores::id128 token,
                                   std::chrono::milliseconds ttl) override;
    task<result<bool>> lock_held(std::string_view lock_key) override;
    task<result<stores::begun>> begin(stores::mutation_id id,
                                      std::span<stores::begin_mark const> marks,
                                      std::chrono::milliseconds life,
                                      std::chrono::milliseconds keep_tags) override;
    task<result<stores::ended>> end(stores::mutation_id id,
                                    std::span<stores::end_mark const> marks,
                                    std::chrono::milliseconds life,
                                    std::chrono::milliseconds keep_tags) override;
    std::optional<stores::id128> server() const override { return identity; }
    task<result<void>> verify() override;
    task<result<void>> publish(std::string_view payload) override;
    task<result<stores::audience>> publish_drop(std::string_view payload) override;
    task<std::size_t> dismiss(std::span<stores::near_member const> silent) override;
    stores::store_status status() const override { return reported; }

private:
    task<void> enter(std::string_view command, std::string line);

    executor executor_;
    std::vector<std::pair<std::string, std::shared_ptr<gate>>> gates_;
};

}  // namespace sidecache::test
