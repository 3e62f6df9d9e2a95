#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sidecache::rules::http_cache {

/// Seconds since 1970, UTC; may be negative.
using unix_seconds = std::int64_t;

/// An HTTP-date in any of its three formats (RFC 9110 section 5.6.7): IMF-fixdate, RFC 850 and
/// asctime. Letter case does not count; everything else does: a date with another time zone, one
/// digit, space or comma too many or too few is no date. `now` decides what two digits of a year
/// stand for: more than 50 years ahead means the past. A leap second counts as the one after it.
std::optional<unix_seconds> read_date(std::string_view text, unix_seconds now);

}  // namespace sidecache::rules::http_cache
