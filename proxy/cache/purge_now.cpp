#include "proxy/cache/purge_now.hpp"

#include "proxy/cache/bump.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/store/tag_value.hpp"
#include "rules/http_cache/groups.hpp"

#include <utility>

namespace sidecache::cache {

task<result<purge_report>> purge_tags(worker_parts const& parts, std::vector<std::string> tags) {
    std::vector<pending_purges::owed> all;
    all.reserve(tags.size());
    for (auto& tag : tags) {
        // A tag without '*' that is no rule's, no path's and no group's is the name of one key.
        bool const is_key = tag.find('*') == std::string::npos && !tag.starts_with("rule:") &&
                            !tag.starts_with("path:") && !rules::http_cache::is_group_tag(tag);
        auto key = is_key ? tag : std::string();
        all.push_back({std::move(tag), std::move(key), std::nullopt});
    }
    auto const removed = co_await bump_publish_wait(parts, parts.process.ids.next(), all);
    if (!removed) {
        co_return removed.error();
    }
    co_return purge_report{all.size(), *removed};
}

}  // namespace sidecache::cache
