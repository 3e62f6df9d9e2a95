#pragma once

#include "proxy/admin/answer.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::cache {
struct warm_progress;
}
namespace sidecache::config {
struct model;
}

namespace sidecache::admin {

/// What `POST /warm` may be sent.
inline constexpr std::size_t max_warm_body = 1U << 20U;
inline constexpr std::size_t max_warm_paths = 10'000;

/// What to fetch: {"paths": ["/products", ...]}, or, without content, what the configuration names.
/// A sentence says what is wrong and what to do.
std::variant<std::vector<std::string>, std::string> paths_to_warm(config::model const& config,
                                                                  std::string_view body);

/// {"run", "running", "total", "done", "stored", "fresh", "skipped", "failed"}.
boost::json::object progress_json(cache::warm_progress const& p);

/// 202 with its progress where a run has begun; 409 with that of the one that runs, or 503 where
/// this process drains, where not.
answer warm_answer(bool has_begun, cache::warm_progress const& p);

}  // namespace sidecache::admin
