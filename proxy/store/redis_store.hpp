#pragma once

#include "proxy/store/caller.hpp"
#include "proxy/store/index_sweeper.hpp"
#include "proxy/store/noted_keys.hpp"
#include "proxy/store/store.hpp"

#include <memory>

namespace sidecache::store {

/// The store in Redis, over its worker's own connection. What lies there under which name:
/// redis_names.hpp. One worker only, but for `status`.
class redis_store final : public store {
public:
    redis_store(std::shared_ptr<node> n, metrics_source metrics);
    ~redis_store() override;

    task<result<reading>> read(std::string_view key, rules::tag_list const& tags) override;
    task<result<fill_ground>> begin_fill(fill_request const& r) override;
    task<result<void>> put(put_request const& r) override;
    task<result<void>> release_lock(std::string_view lock_key,
                                    id128 token,
                                    fill_outcome outcome) override;
    task<result<bool>> extend_lock(std::string_view lock_key,
                                   id128 token,
                                   std::chrono::milliseconds ttl) override;
    task<result<bool>> lock_held(std::string_view lock_key) override;
    task<result<begun>> begin(mutation_id id,
                              std::span<begin_mark const> marks,
                              std::chrono::milliseconds life,
                              std::chrono::milliseconds keep_tags) override;
    task<result<ended>> end(mutation_id id,
                            std::span<end_mark const> marks,
                            std::chrono::milliseconds life,
                            std::chrono::milliseconds keep_tags) override;
    task<result<begun>> begin_with(mutation_id id,
                                   std::span<begin_mark const> marks,
                                   std::chrono::milliseconds life,
                                   std::chrono::milliseconds keep_tags,
                                   companions also) override;
    task<result<ended>> end_with(mutation_id id,
                                 std::span<end_mark const> marks,
                                 std::chrono::milliseconds life,
                                 std::chrono::milliseconds keep_tags,
                                 companions also) override;
    std::optional<id128> server() const override;
    task<result<void>> verify() override;
    task<result<void>> publish(std::string_view payload) override;
    task<result<audience>> publish_drop(std::string_view payload) override;
    task<std::size_t> dismiss(std::span<near_member const> silent) override;
    store_status status() const override;

private:
    /// A part of a large mutation: its marks, and what goes along with them.
    template <class Mark>
    struct part {
        mutation_id id;
        std::span<Mark const> marks;
        std::chrono::milliseconds life;
        std::chrono::milliseconds keep_tags;
        companions also{};
        bool reads_members = false;
    };
    task<store_error> begin_part(part<begin_mark> const& what, begun& into);
    task<store_error> end_part(part<end_mark> const& what, ended& into);

    caller caller_;
    std::shared_ptr<index_sweeper> sweeper_;
    noted_keys noted_;
};

}  // namespace sidecache::store
