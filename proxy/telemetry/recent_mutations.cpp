#include "proxy/telemetry/recent_mutations.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::telemetry {

namespace {

constexpr std::string_view ellipsis = "\xe2\x80\xa6";

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

void cut(std::string& text) {
    if (text.size() <= recent_mutations::longest_text) {
        return;
    }
    auto end = recent_mutations::longest_text;
    while (end > 0 && is_continuation(text[end])) {
        --end;  // not within a character
    }
    text.resize(end);
    text += ellipsis;
    text.shrink_to_fit();
}

}  // namespace

void recent_mutations::add(mutation_record record) {
    cut(record.method);
    cut(record.path);
    cut(record.purges);
    record.tag_count = std::max(record.tag_count, record.tags.size());
    if (record.tags.size() > most_tags) {
        record.tags.resize(most_tags);
        record.tags.shrink_to_fit();
    }
    std::ranges::for_each(record.tags, cut);
    std::lock_guard const lock(mutex_);
    record.number = added_++;
    std::swap(ring_[record.number % kept], record);
}

std::vector<mutation_record> recent_mutations::read() const {
    std::vector<mutation_record> out;
    std::lock_guard const lock(mutex_);
    auto const first = added_ < kept ? 0 : added_ - kept;
    out.reserve(added_ - first);
    for (auto i = first; i < added_; ++i) {
        out.push_back(ring_[i % kept]);
    }
    return out;
}

}  // namespace sidecache::telemetry
