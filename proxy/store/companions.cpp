/// begin and end with what goes along, for stores that have no batches.
#include "proxy/store/store.hpp"

#include <utility>

namespace sidecache::store {

namespace {

task<result<std::vector<reading>>> read_all(store& from, std::span<lookup const> lookups) {
    std::vector<reading> all;
    all.reserve(lookups.size());
    for (auto const& each : lookups) {
        auto one = co_await from.read(each.key, *each.tags);
        if (!one) {
            co_return one.error();
        }
        all.push_back(std::move(*one));
    }
    co_return all;
}

task<std::optional<audience>> tell(store& by, std::string_view drop) {
    if (drop.empty()) {
        co_return std::nullopt;
    }
    auto told = co_await by.publish_drop(drop);
    if (!told) {
        co_return std::nullopt;
    }
    co_return std::move(*told);
}

}  // namespace

task<result<begun>> store::begin_with(mutation_id id,
                                      std::span<begin_mark const> marks,
                                      std::chrono::milliseconds life,
                                      std::chrono::milliseconds keep_tags,
                                      companions also) {
    auto b = co_await begin(id, marks, life, keep_tags);
    if (!b) {
        co_return b;
    }
    // What cannot be read is not told: whoever looked finds nothing there.
    auto seen = co_await read_all(*this, also.lookups);
    if (seen) {
        b->seen = std::move(*seen);
    }
    b->told = co_await tell(*this, also.drop);
    co_return b;
}

task<result<ended>> store::end_with(mutation_id id,
                                    std::span<end_mark const> marks,
                                    std::chrono::milliseconds life,
                                    std::chrono::milliseconds keep_tags,
                                    companions also) {
    auto seen = co_await read_all(*this, also.lookups);
    auto e = co_await end(id, marks, life, keep_tags);
    if (!e) {
        co_return e;
    }
    if (seen) {
        e->seen = std::move(*seen);
    }
    e->told = co_await tell(*this, also.drop);
    co_return e;
}

}  // namespace sidecache::store
