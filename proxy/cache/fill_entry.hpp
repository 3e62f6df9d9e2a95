#pragma once

#include "proxy/cache/entry_groups.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/fill_ground.hpp"
#include "proxy/http/message.hpp"
#include "proxy/store/tag_value.hpp"
#include "rules/storable.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

/// What of a fetched response becomes an entry: pure, but for the chance that comes in.
namespace sidecache::cache {

/// Whether anybody but its own client may have this response: `rules::may_store`, and what its
/// framing tells. Not `max_object` of a length that nobody knows yet.
/// `requested_at`, `received_at`: our clock, of an age that the response says (`ttl: origin`).
std::variant<rules::storable, rules::not_stored> shareable(fill_order const& order,
                                                           http::response_head const& head,
                                                           unix_ms requested_at,
                                                           unix_ms received_at);

/// Up to `jitter` of a life is taken off, so that what was filled together does not end together.
std::chrono::milliseconds shortened(std::chrono::milliseconds ttl,
                                    double jitter,
                                    store::id_source& chance);

/// The entry's bytes, `under` these tags as the server of `ground` had them. Without a snapshot it
/// is for joiners alone: its generations are zero, which no tag ever has. `fetched_at`: when its
/// fetch began.
std::string make_entry(fill_order const& order,
                       fill_ground const& ground,
                       http::response_head const& head,
                       std::string_view body,
                       rules::storable const& how,
                       unix_ms fetched_at,
                       entry_tags const& under);

}  // namespace sidecache::cache
