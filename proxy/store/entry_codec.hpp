#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/held_text.hpp"
#include "proxy/store/tag_value.hpp"
#include "rules/tag.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The bytes of a stored response. The format is specified, with an example, at the top of
/// entry_codec.cpp and pinned by a golden test: magic and version, lengths, checksum, then the
/// parts. Decoding trusts nothing: every length is checked, and the full key is compared by the
/// reader (`decision::full_key`).
namespace sidecache::store {

struct entry_to_store {
    std::string_view full_key;
    /// Hash of the identity of the server that the generations were read from.
    id128 server;
    rules::tag_list const* tags = nullptr;
    std::span<generation const> generations;  // one a tag
    /// When its fetch began, our clock's Unix ms: what Age counts from.
    unix_ms fetched_at = 0;
    /// Age the response arrived with, seconds (RFC 9111 section 4.2.3).
    std::uint32_t initial_age = 0;
    /// Its freshness, counted from `fetched_at`.
    std::uint64_t ttl_ms = 0;
    std::span<std::pair<std::string, std::string> const> vary;
    unsigned status = 0;
    /// "HTTP/1.1 200 OK\r\n" and every end-to-end field line, without the empty line: ready to be
    /// written, followed by the fields that a hit adds.
    std::string_view head;
    std::string_view body;
};

std::string encode_entry(entry_to_store const& e);

/// Appends a tag as it lies inside an entry's bytes: whoever finds these bytes in an entry knows
/// that it was filled under that very generation.
void append_tag_bytes(std::string& out, std::string_view tag, generation gen);

enum class entry_error { ok, not_an_entry, version, truncated, checksum, malformed };
boost::system::error_code make_error_code(entry_error e);

/// A decoded entry: views into `bytes`, which it keeps alive.
struct entry {
    held_text bytes;
    std::string_view full_key;
    id128 server;
    struct tagged {
        std::string_view tag;
        generation gen;
    };
    std::vector<tagged> tags;
    unix_ms fetched_at = 0;
    std::uint32_t initial_age = 0;
    std::uint64_t ttl_ms = 0;
    std::vector<std::pair<std::string_view, std::string_view>> vary;
    unsigned status = 0;
    std::string_view head;
    std::string_view body;

    /// RFC 9111 section 4.2.3 with the resident time by our own clock; never negative.
    std::uint64_t age_seconds(unix_ms now) const;
    /// Remaining freshness, negative when stale.
    std::int64_t ttl_left_ms(unix_ms now) const;
};

/// `into` is reused: its vectors keep their capacity.
boost::system::error_code decode_entry(held_text bytes, entry& into);

}  // namespace sidecache::store

template <>
struct boost::system::is_error_code_enum<sidecache::store::entry_error> : std::true_type {};
