#include "proxy/store/memory_index.hpp"

#include <algorithm>
#include <cassert>

namespace sidecache::store {

namespace {

/// What a key costs beside its characters.
constexpr std::size_t among_few = 56;
constexpr std::size_t among_many = 200;

}  // namespace

std::vector<memory_index::noted>::iterator memory_index::find(std::string_view key) {
    return std::ranges::find(few_, key, &noted::key);
}

void memory_index::add_to_many(std::string key, unix_ms expires_at) {
    weight_ += key.size() + among_many;
    auto const at = many_->by_key.emplace(std::move(key), expires_at).first;
    many_->by_expiry.emplace(expires_at, at->first);
}

void memory_index::note(std::string_view key, unix_ms expires_at) {
    erase(key);
    if (!many_ && few_.size() < few) {
        few_.push_back({std::string(key), expires_at});
        weight_ += key.size() + among_few;
        return;
    }
    if (!many_) {
        many_ = std::make_unique<many>();
        weight_ = 0;
        for (auto& n : few_) {
            add_to_many(std::move(n.key), n.expires_at);
        }
        few_ = {};
    }
    add_to_many(std::string(key), expires_at);
}

bool memory_index::erase(std::string_view key) {
    if (!many_) {
        auto const at = find(key);
        if (at == few_.end()) {
            return false;
        }
        weight_ -= key.size() + among_few;
        few_.erase(at);
        return true;
    }
    auto const at = many_->by_key.find(key);
    if (at == many_->by_key.end()) {
        return false;
    }
    weight_ -= key.size() + among_many;
    many_->by_expiry.erase({at->second, at->first});
    many_->by_key.erase(at);
    return true;
}

bool memory_index::contains(std::string_view key) const {
    return many_ ? many_->by_key.contains(key)
                 : std::ranges::find(few_, key, &noted::key) != few_.end();
}

std::string memory_index::take() {
    assert(size() > 0 && "what is taken is there");
    auto key = many_ ? many_->by_key.begin()->first : few_.back().key;
    erase(key);
    return key;
}

void memory_index::drop_past(unix_ms now, std::size_t most) {
    if (!many_) {
        std::erase_if(few_, [&](noted const& n) {
            bool const goes = n.expires_at <= now && most > 0;
            if (goes) {
                --most;
                weight_ -= n.key.size() + among_few;
            }
            return goes;
        });
        return;
    }
    while (most-- > 0 && !many_->by_expiry.empty() && many_->by_expiry.begin()->first <= now) {
        erase(std::string(many_->by_expiry.begin()->second));
    }
}

}  // namespace sidecache::store
