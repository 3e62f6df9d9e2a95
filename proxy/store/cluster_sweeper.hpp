#pragma once

#include "proxy/store/cluster.hpp"

#include <deque>
#include <memory>
#include <string>

namespace sidecache::store {

/// As `index_sweeper`, in a Cluster: an index and the keys in it lie wherever their names put them.
/// One worker only.
class cluster_sweeper : public std::enable_shared_from_this<cluster_sweeper> {
public:
    explicit cluster_sweeper(std::shared_ptr<cluster> c) : cluster_(std::move(c)) {}

    /// Sweeps that tag's index after those that wait already.
    void add(std::string_view tag);
    /// Nothing more is begun.
    void stop() { tags_.clear(); }

private:
    task<void> run(std::shared_ptr<cluster_sweeper> self);
    task<void> sweep(std::string tag);

    std::shared_ptr<cluster> cluster_;
    std::deque<std::string> tags_;
    bool is_running_ = false;
};

}  // namespace sidecache::store
