#pragma once

#include "rules/http_cache/freshness.hpp"
#include "rules/request.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Parts of a complete stored response (RFC 9110 sections 13.1.5, 14.2 and 15.3.7).
namespace sidecache::rules::http_cache {

/// Bytes `first` to `last`, both included.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t size() const { return last - first + 1; }
};

/// More parts in one request are taken for an attack, and the whole is sent (RFC 9110 section
/// 14.2).
inline constexpr std::size_t max_ranges = 16;

struct range_answer {
    enum class kind : std::uint8_t {
        whole,          ///< no Range, one that is to be ignored, or If-Range says so: 200
        part,           ///< 206, one range
        parts,          ///< 206, multipart/byteranges
        unsatisfiable,  ///< 416
    };
    kind what = kind::whole;
    std::vector<byte_range> ranges;
};

/// What a request's Range and If-Range ask of a stored 200 with that many bytes. Ignored, as RFC
/// 9110 section 14.2 says: another unit, a Range that is malformed, of another method than GET, of
/// several lines; many ranges, or several that overlap and together hold more than the whole.
range_answer evaluate_range(request const& asked,
                            unsigned status,
                            std::span<field const> response,
                            std::uint64_t size,
                            unix_milliseconds now);

/// "bytes 0-1/11"; for a 416, without a range, "bytes */11" (RFC 9110 section 14.4).
std::string content_range(std::optional<byte_range> const& range, std::uint64_t size);

/// The content of a multipart/byteranges answer (RFC 9110 section 14.6). `boundary` must not occur
/// in the body.
std::string multipart(std::string_view body,
                      std::span<byte_range const> ranges,
                      std::string_view content_type,
                      std::string_view boundary);

}  // namespace sidecache::rules::http_cache
