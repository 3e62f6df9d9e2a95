#pragma once

#include "rules/tag.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sidecache::rules {

struct rule;

enum class verdict {
    serve,   ///< look it up under `key`
    bypass,  ///< a rule matches, but this request is not for the cache: `reason`
    pass,    ///< a safe method that no rule matches
    mutate,  ///< an unsafe method: `rule_set::mutate`
};

/// Why a request that a rule matched is not looked up. One table feeds Cache-Status, the metric
/// label and `explain`.
enum class bypass_reason : std::uint8_t {
    none,
    unlisted_query,       ///< a query parameter that the key does not use
    duplicate_query,      ///< a keyed parameter came twice: backends differ in which one counts
    odd_path,             ///< dot or empty segments, encoded slashes, ';', bad percent-encoding,
                          ///< letters of the rule's own path percent-encoded
    missing_variable,     ///< a key variable has neither value nor default
    request_body,         ///< a GET with content
    unverified_identity,  ///< the rule shares by identity, and nobody was verified
    key_too_long,
    method_override,  ///< X-HTTP-Method-Override and its like: not what it says it is
    duplicate_field,  ///< a keyed header or cookie came twice: which one counts is the backend's
    unkeyed_field,    ///< X-Forwarded-Host and its like: may change the answer, and is in no key
    precondition,     ///< If-Match, If-Unmodified-Since: the origin's to evaluate
};

/// The name as it appears in Cache-Status details, metrics and `explain`: "unlisted_query".
std::string_view name(bypass_reason reason);

/// What a request that is served asks of its answer besides.
struct demands {
    bool range = false;        ///< Range (RFC 9110 section 14.2)
    bool conditional = false;  ///< If-None-Match, If-Modified-Since (RFC 9110 section 13.1)
    bool directives = false;   ///< Cache-Control or Pragma, and the rule obeys them
};

/// The outcome of `rule_set::decide`, reused from request to request.
struct decision {
    verdict what = verdict::pass;
    bypass_reason reason = bypass_reason::none;
    /// The matched rule, also of a bypass; null for pass and mutate.
    rule const* matched = nullptr;
    /// serve: the Redis key, its partition at the end behind '|'.
    std::string key;
    /// serve: `key` and whatever a backend could tell apart although it renders to the same key:
    /// the host (unless `upstream.host` fixes it), what trusted fields claim, and values that were
    /// written in another way than the key writes them. Kept in the entry, compared on every read.
    std::string full_key;
    /// serve: every tag that an entry of this request needs.
    tag_list tags;
    /// serve: the rendered lock key with the entry's partition; empty without a lock.
    std::string lock_key;
    /// serve: 0 for the plain key; otherwise which of its slots (`take_variant`, RFC 9111 section
    /// 4.1), which then shows in `key`, `full_key` and `lock_key`.
    unsigned variant = 0;
    /// serve: `key` holds what was verified of the caller: what is stored under it must have been
    /// fetched by somebody who still was that.
    bool of_identity = false;
    /// serve: as far as its field names tell.
    demands asks;
};

}  // namespace sidecache::rules
