#pragma once

#include "proxy/store/node.hpp"

#include <deque>
#include <memory>
#include <string>

namespace sidecache::store {

/// Removes, in the background and in batches, what a purge has left in a tag's index: the entries
/// themselves are dead already, this is for the people who look into Redis, and for its memory.
/// What was filled under the tag's present generation is spared. One worker only.
class index_sweeper : public std::enable_shared_from_this<index_sweeper> {
public:
    explicit index_sweeper(std::shared_ptr<node> n) : node_(std::move(n)) {}

    /// Sweeps that tag's index after those that wait already.
    void add(std::string_view tag);

private:
    task<void> run(std::shared_ptr<index_sweeper> self);
    task<void> sweep(std::string const& tag);
    task<bool> ask(std::size_t commands, reply_set& replies);

    std::shared_ptr<node> node_;
    std::deque<std::string> tags_;
    bool is_running_ = false;
};

}  // namespace sidecache::store
