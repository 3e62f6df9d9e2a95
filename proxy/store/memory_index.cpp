#include "proxy/store/memory_index.hpp"

#include <algorithm>
#include <cassert>

namespace sidecache::store {

namespace {

/// What a key costs beside its characters, where there are few: a string of its own in a row.
constexpr std::size_t among_few = 56;

}  // namespace

std::vector<memory_index::noted>::iterator memory_index::find(std::string_view key) {
    return std::ranges::find(few_, key, &noted::key);
}

void memory_index::add_to_many(std::string_view key, unix_ms expires_at) {
    auto const [i, is_new] = many_->by_key.find_or_make(key);
    if (is_new) {
        weight_ += key.size() + text_table<expiry>::item_bytes;
    } else {
        many_->by_expiry.erase(many_->by_expiry.iterator_to(i));
    }
    i.expires_at = expires_at;
    many_->by_expiry.insert(i);
}

void memory_index::erase_from_many(text_table<expiry>::item& i) {
    weight_ -= i.key().size() + text_table<expiry>::item_bytes;
    many_->by_expiry.erase(many_->by_expiry.iterator_to(i));
    many_->by_key.erase(i);
}

void memory_index::note(std::string_view key, unix_ms expires_at) {
    if (!many_) {
        if (auto const there = find(key); there != few_.end()) {
            there->expires_at = expires_at;
            return;
        }
        if (few_.size() < few) {
            few_.push_back({std::string(key), expires_at});
            weight_ += key.size() + among_few;
            return;
        }
        many_ = std::make_unique<many>();
        weight_ = 0;
        for (auto const& n : few_) {
            add_to_many(n.key, n.expires_at);
        }
        few_ = {};
    }
    add_to_many(key, expires_at);
}

bool memory_index::erase(std::string_view key) {
    if (many_) {
        auto* const i = many_->by_key.find(key);
        if (i == nullptr) {
            return false;
        }
        erase_from_many(*i);
        return true;
    }
    auto const at = find(key);
    if (at == few_.end()) {
        return false;
    }
    weight_ -= key.size() + among_few;
    few_.erase(at);
    return true;
}

bool memory_index::contains(std::string_view key) const {
    return many_ ? many_->by_key.find(key) != nullptr
                 : std::ranges::find(few_, key, &noted::key) != few_.end();
}

std::string memory_index::take() {
    assert(size() > 0 && "what is taken is there");
    std::string key(many_ ? many_->by_key.any().key() : std::string_view(few_.back().key));
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
    while (most-- > 0 && !many_->by_expiry.empty() && many_->by_expiry.begin()->expires_at <= now) {
        erase_from_many(static_cast<text_table<expiry>::item&>(*many_->by_expiry.begin()));
    }
}

}  // namespace sidecache::store
