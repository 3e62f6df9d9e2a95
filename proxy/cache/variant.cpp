#include "proxy/cache/miss.hpp"
#include "rules/vary.hpp"

#include <utility>

/// Variants of one key (RFC 9111 section 4.1). What is stored first lies under the plain key; whose
/// varied fields differ from it looks into a slot that those fields name, of which there are
/// `rules::variant_slots`. So nobody counts variants, a request costs at most two reads, and what a
/// client can make up costs a bounded number of keys.
namespace sidecache::cache {

task<void> look_up_variant(worker_parts const& parts,
                           snapshot const& snap,
                           http::downstream const& client,
                           lookup& at) {
    if (!rules::take_variant(at.wanted, at.entry.vary, client.request().view())) {
        co_return;
    }
    before_read(parts, at);
    auto reading = co_await parts.store.read(at.wanted.key, at.wanted.tags);
    after_read(std::move(reading), snap, client, at);
}

}  // namespace sidecache::cache
