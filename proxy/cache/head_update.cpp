#include "proxy/cache/head_update.hpp"

#include "proxy/async/scope.hpp"
#include "proxy/cache/purge_now.hpp"
#include "rules/http_cache/head_lines.hpp"
#include "rules/http_cache/validation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::cache {

namespace {

namespace http_cache = rules::http_cache;

bool tells_change(lookup const& at, http::response_head const& answer) {
    if (answer.status != 200 || at.entry.status != 200 ||
        (at.why != validity::hit && at.why != validity::stale)) {
        return false;
    }
    std::vector<rules::field> lines;
    http_cache::read_head_lines(at.entry.head, lines);
    auto const length = answer.body == http::framing::length
                            ? std::optional<std::uint64_t>(answer.content_length)
                            : std::nullopt;
    return http_cache::head_differs(lines, at.entry.body.size(), answer.fields.all(), length);
}

task<void> make_stale(worker_parts parts, std::vector<std::string> tags) {
    auto const done = co_await purge_tags(parts, std::move(tags));
    (void)done;
}

}  // namespace

void note_head(worker_parts const& parts, lookup const& at, http::response_head const& answer) {
    if (!at.wanted.matched->definition.origin || !tells_change(at, answer)) {
        return;
    }
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < at.wanted.tags.size(); ++i) {
        if (at.wanted.tags[i].starts_with("path:")) {
            paths.emplace_back(at.wanted.tags[i]);
        }
    }
    parts.background.spawn("a change that a HEAD told of", make_stale(parts, std::move(paths)));
}

}  // namespace sidecache::cache
