#pragma once

#include "proxy/http/message.hpp"
#include "proxy/store/entry_codec.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::cache {

struct conversation;
class near_entry;

/// Content without its coding: what was there already, or what came out of it, or nothing.
class decoded {
public:
    decoded() = default;
    /// `coding`: the Content-Encoding; nullopt: none. At most `limit` bytes come out.
    decoded(std::optional<std::string> const& coding, std::string_view content, std::size_t limit);
    /// Valid as long as this and the content are.
    std::optional<std::string_view> view() const;

private:
    std::optional<std::string_view> plain_;
    std::optional<std::string> unpacked_;
};

/// Nothing when the content is too large to be looked at.
decoded decoded_request(conversation const& talk, std::size_t limit);
decoded decoded_response(http::response_head const& head,
                         std::string_view content,
                         std::size_t limit);
decoded decoded_near(near_entry const& entry, std::size_t limit);
decoded decoded_entry(store::entry const& entry, std::size_t limit);

}  // namespace sidecache::cache
