#pragma once

#include "proxy/store/cluster.hpp"
#include "proxy/store/cluster_sweeper.hpp"
#include "proxy/store/noted_keys.hpp"
#include "proxy/store/store.hpp"

#include <memory>

namespace sidecache::store {

/// The store in a Redis Cluster (config/redis.md says why its promise is that of a single server).
/// What lies there under which name: redis_names.hpp. One worker only, but for `status`.
class cluster_store final : public store {
public:
    explicit cluster_store(std::shared_ptr<cluster> c);
    ~cluster_store() override;

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
    std::optional<id128> server() const override { return cluster_->label(); }
    task<result<void>> verify() override;
    task<result<void>> publish(std::string_view payload) override;
    task<result<audience>> publish_drop(std::string_view payload) override;
    task<std::size_t> dismiss(std::span<near_member const> silent) override;
    store_status status() const override { return cluster_->status(); }

private:
    task<store_error> begin_part(mutation_id id,
                                 std::span<begin_mark const> marks,
                                 std::chrono::milliseconds life,
                                 std::chrono::milliseconds keep_tags,
                                 begun& into);
    task<store_error> end_part(mutation_id id,
                               std::span<end_mark const> marks,
                               std::chrono::milliseconds life,
                               std::chrono::milliseconds keep_tags,
                               ended& into);
    /// Reads what the lookups ask for; what cannot be read is not told.
    task<void> look(std::span<lookup const> lookups, std::vector<reading>& into);
    /// Publishes `drop` if there is one, then reads the members: whom it has to reach, and who goes
    /// by other rules.
    template <class Reply>
    task<store_error> meet_members(call_plan plan, std::string_view drop, Reply& into);
    redis_process& process() { return cluster_->process(); }

    std::shared_ptr<cluster> cluster_;
    std::shared_ptr<cluster_sweeper> sweeper_;
    noted_keys noted_;
    /// Which node has set a mutation's mark: asked again, another one cannot say that it stood all
    /// the while.
    noted<id128> marked_at_;
};

}  // namespace sidecache::store
