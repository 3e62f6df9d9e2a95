#include "proxy/cache/gate_queue.hpp"

#include <algorithm>
#include <cassert>

namespace sidecache::cache {

bool gate_queue::has_room(std::string_view rule, gate_limits const& limits) const {
    if (limits.total != 0 && in_flight_ >= limits.total) {
        return false;
    }
    auto const of_rule = by_rule_.find(rule);
    return limits.per_rule == 0 || of_rule == by_rule_.end() || of_rule->second < limits.per_rule;
}

void gate_queue::admit(std::string_view rule) {
    ++in_flight_;
    auto const of_rule = by_rule_.find(rule);
    if (of_rule == by_rule_.end()) {
        by_rule_.emplace(rule, 1);
    } else {
        ++of_rule->second;
    }
}

gate_queue::answer gate_queue::enter(ticket who, std::string_view rule, gate_limits const& limits) {
    // Whoever could go has been let go by `leave`, so room means that nobody is overtaken.
    if (has_room(rule, limits)) {
        admit(rule);
        return answer::admitted;
    }
    if (queue_.size() >= limits.queue) {
        return answer::full;
    }
    queue_.push_back(waiting{who, std::string(rule), limits});
    return answer::queued;
}

void gate_queue::leave(std::string_view rule, std::vector<ticket>& admitted) {
    auto const of_rule = by_rule_.find(rule);
    assert(of_rule != by_rule_.end() && in_flight_ > 0 && "only who was admitted can leave");
    --in_flight_;
    if (--of_rule->second == 0) {
        by_rule_.erase(of_rule);
    }
    for (auto next = queue_.begin(); next != queue_.end();) {
        if (!has_room(next->rule, next->limits)) {
            ++next;
            continue;
        }
        admit(next->rule);
        admitted.push_back(next->who);
        next = queue_.erase(next);
    }
}

bool gate_queue::withdraw(ticket who) {
    auto const found =
        std::find_if(queue_.begin(), queue_.end(), [&](waiting const& w) { return w.who == who; });
    if (found == queue_.end()) {
        return false;
    }
    queue_.erase(found);
    return true;
}

}  // namespace sidecache::cache
