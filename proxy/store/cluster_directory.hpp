#pragma once

#include "proxy/store/cluster_slots.hpp"
#include "proxy/store/connector.hpp"
#include "proxy/store/credentials.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sidecache::store {

/// The nodes of a Redis Cluster (redis+cluster://): those of the configuration and those that they
/// know, and whose slots are whose by the last word of any of them. What a node says is a hint: who
/// is asked for a key that is not his says so (MOVED), and who is used is asked for his role
/// before. Any thread.
class cluster_directory {
public:
    using map_ptr = std::shared_ptr<slot_map const>;

    /// `way` outlives this.
    cluster_directory(config::store const& where, connector& way);

    /// Asks one node after the other, who answered last first, until one tells whose slots are
    /// whose, finds its Cluster in order, and is of no earlier epoch than what was told before (who
    /// was stopped while others failed over does not know of it yet); where none does, the first
    /// that told. An error says what each of them said.
    task<result<map_ptr, connect_error>> ask(executor ex);
    /// Null: nobody has told yet.
    map_ptr present() const;
    /// A node has said so without being asked.
    void moved(std::uint16_t slot, config::endpoint const& to);

    /// `told` is called whenever slots have got other owners. Kept for good; any thread.
    void on_change(std::function<void()> told);

private:
    struct view {
        slot_map map;
        std::uint64_t epoch = 0;
        bool is_in_order = false;
    };
    task<result<view, connect_error>> ask_one(executor ex, config::endpoint at);
    std::vector<config::endpoint> known() const;
    map_ptr take(config::endpoint const& by, view seen);
    bool is_up_to_date(view const& seen) const;
    void set(std::unique_lock<std::mutex> held, map_ptr map);

    std::string const user_, password_, password_file_;
    std::vector<config::endpoint> const seeds_;
    connector& way_;
    mutable std::mutex mutex_;
    std::vector<config::endpoint> known_;         // under mutex_
    map_ptr present_;                             // under mutex_
    std::uint64_t epoch_ = 0;                     // under mutex_: of `present_`
    std::vector<std::function<void()>> waiting_;  // under mutex_
};

}  // namespace sidecache::store
