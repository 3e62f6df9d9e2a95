#pragma once

#include "config/problem.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Quantities as people write them in YAML. A number without its unit is refused: `ttl: 600` says
/// something else to everyone who reads it.
namespace sidecache::config {

/// `500ms`, `1s`, `10m`, `2h`, `1d`: a whole number and a unit.
parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `64MiB`, `512KiB`, `1MB`, `100B`, or a plain 0: bytes. KiB, MiB, GiB are powers of 1024; KB, MB,
/// GB are powers of 1000.
parsed<std::uint64_t> parse_size(std::string_view text);

/// A whole number in plain digits.
parsed<std::uint64_t> parse_count(std::string_view text);

/// A share between 0 and 1: `0.1`, or `10%`.
parsed<double> parse_share(std::string_view text);

/// `true` or `false`; the other words of YAML 1.1 (yes, on...) are refused.
parsed<bool> parse_boolean(std::string_view text);

/// The shortest exact way to write a duration: 90000 ms is "90s", 120000 ms "2m".
std::string print_duration(std::chrono::milliseconds d);

/// The shortest exact way to write a size: 1048576 is "1MiB".
std::string print_size(std::uint64_t bytes);

}  // namespace sidecache::config
