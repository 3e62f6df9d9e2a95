#include "config/model.hpp"

#include "rules/http_cache/storability.hpp"

#include <algorithm>

namespace sidecache::config {

std::string endpoint::text() const {
    auto const is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

milliseconds model::tag_life() const {
    milliseconds longest{0};
    if (rules) {
        for (auto const& rule : rules->rules()) {
            auto const window =
                std::max(rule.definition.stale_while_revalidate, rule.definition.stale_if_error);
            longest = std::max(longest, rule.definition.ttl + window);
            if (rule.definition.origin) {
                longest = std::max(longest, rules::http_cache::longest_kept);
            }
            for (auto const& [status, ttl] : rule.definition.statuses) {
                longest = std::max(longest, ttl + window);
            }
        }
    }
    return longest + marker_life();
}

}  // namespace sidecache::config
