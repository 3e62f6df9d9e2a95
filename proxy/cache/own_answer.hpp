#pragma once

#include "proxy/async/task.hpp"
#include "proxy/http/downstream.hpp"
#include "rules/cache_status.hpp"

namespace sidecache::cache {

/// Answers in our own name where no response is to be had: 502 (no usable answer from the
/// upstream), 503 (too many requests under way: with Retry-After), 504 (no answer in time). A short
/// text, not to be stored by anybody. Nothing, when an answer has begun.
task<void> own_answer(http::downstream& client, unsigned code, rules::cache_status status);

}  // namespace sidecache::cache
