#include "proxy/cache/mutation_content.hpp"

#include "proxy/cache/mutation_run.hpp"
#include "proxy/cache/near_entry.hpp"
#include "proxy/http/content_coding.hpp"
#include "rules/request.hpp"

namespace sidecache::cache {

namespace {

/// All values of a field in a rendered head ("HTTP/1.1 200 OK\r\nName: value\r\n..."), joined.
std::optional<std::string> field_of(std::string_view head, std::string_view name) {
    std::optional<std::string> out;
    while (!head.empty()) {
        auto const line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() < head.size() ? line.size() + 2 : line.size());
        auto const colon = line.find(':');
        if (colon == std::string_view::npos || !rules::iequals(line.substr(0, colon), name)) {
            continue;
        }
        auto value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        out = out ? *out + ", " + std::string(value) : std::string(value);
    }
    return out;
}

}  // namespace

decoded::decoded(std::optional<std::string> const& coding,
                 std::string_view content,
                 std::size_t limit) {
    if (!coding) {
        plain_ = content;
    } else {
        unpacked_ = http::decode_content(*coding, content, limit);
    }
}

std::optional<std::string_view> decoded::view() const {
    if (unpacked_) {
        return std::string_view(*unpacked_);
    }
    return plain_;
}

decoded decoded_request(conversation const& talk, std::size_t limit) {
    if (!talk.body_whole) {
        return {};
    }
    return {talk.request.fields.joined("Content-Encoding"), talk.body, limit};
}

decoded decoded_response(http::response_head const& head,
                         std::string_view content,
                         std::size_t limit) {
    return {head.fields.joined("Content-Encoding"), content, limit};
}

decoded decoded_entry(store::entry const& entry, std::size_t limit) {
    return {field_of(entry.head, "Content-Encoding"), entry.body, limit};
}

decoded decoded_near(near_entry const& entry, std::size_t limit) {
    return {field_of(entry.head(), "Content-Encoding"), entry.body(), limit};
}

}  // namespace sidecache::cache
