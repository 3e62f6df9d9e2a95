#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::store {

/// For a tag that is purged: the counted tags (`rule:NAME` of a rule with `max_keys`) whose keys
/// may carry it as well. Any thread.
using counted_source = std::function<std::vector<std::string>(std::string_view tag)>;

/// The source of the present configuration. A key that a purge removes has to leave the index that
/// it is counted in, too, and neither the key nor the purged tag's index tells which that is. Any
/// thread.
class counted_tags {
public:
    void set(counted_source source) {
        auto next = std::make_shared<counted_source const>(std::move(source));
        std::scoped_lock const guard(mutex_);
        source_ = std::move(next);
    }
    /// Without `tag` itself.
    std::vector<std::string> under(std::string_view tag) const {
        std::shared_ptr<counted_source const> source;
        {
            std::scoped_lock const guard(mutex_);
            source = source_;
        }
        auto out = source ? (*source)(tag) : std::vector<std::string>();
        std::erase(out, tag);
        return out;
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<counted_source const> source_;  // under mutex_
};

}  // namespace sidecache::store
