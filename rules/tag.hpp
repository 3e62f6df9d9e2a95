#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules {

/// The tags of one entry, in one buffer that keeps its capacity from request to request.
/// One thread at a time. Order is the rule's own: `rule:NAME`, `path:PATH`, then its patterns.
class tag_list {
public:
    void clear() {
        text_.clear();
        ends_.clear();
    }
    std::size_t size() const { return ends_.size(); }
    bool empty() const { return ends_.empty(); }
    std::string_view operator[](std::size_t i) const {
        auto const begin = i == 0 ? 0U : ends_[i - 1];
        return std::string_view(text_).substr(begin, ends_[i] - begin);
    }
    /// Adds a whole tag.
    void add(std::string_view tag) {
        text_.append(tag);
        ends_.push_back(static_cast<std::uint32_t>(text_.size()));
    }
    /// For renderers: append text to `buffer()`, then `close()` makes a tag of what was appended.
    std::string& buffer() { return text_; }
    void close() { ends_.push_back(static_cast<std::uint32_t>(text_.size())); }
    /// Drops what was appended since the last tag.
    void abandon() { text_.resize(ends_.empty() ? 0 : ends_.back()); }

private:
    std::string text_;
    std::vector<std::uint32_t> ends_;
};

}  // namespace sidecache::rules
