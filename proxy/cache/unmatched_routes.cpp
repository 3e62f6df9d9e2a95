#include "proxy/cache/unmatched_routes.hpp"

#include <algorithm>

namespace sidecache::cache {

namespace {

constexpr std::size_t longest_route = 256;
constexpr std::size_t longest_word = 24;

bool looks_like_an_id(std::string_view segment) {
    return segment.size() >= longest_word ||
           std::any_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string route_of(std::string_view method, std::string_view path) {
    std::string out(method.substr(0, longest_word));
    out.push_back(' ');
    while (!path.empty() && out.size() < longest_route) {
        path.remove_prefix(path.front() == '/' ? 1 : 0);
        auto const segment = path.substr(0, path.find('/'));
        out.append("/").append(looks_like_an_id(segment) ? "{}" : segment);
        path.remove_prefix(segment.size());
    }
    return out;
}

bool unmatched_routes::is_new(std::string_view route) {
    std::lock_guard const lock(mutex_);
    if (told_.size() >= most_ || told_.find(route) != told_.end()) {
        return false;
    }
    told_.emplace(route);
    return true;
}

}  // namespace sidecache::cache
