#pragma once

#include "proxy/telemetry/line_writer.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

/// Operational log lines: one JSON object a line on stdout, `{"time","level","msg",...}`, the same
/// form as the access log. For what a person must know; never on the hit path, never a secret
/// (tokens, credentials, queries, bodies). Any thread; never blocks.
///
///     log::warn("store lost", {{"store", status.description}, {"error", status.last_error}});
namespace sidecache::log {

struct field {
    field(std::string_view n, std::string_view v) : name(n), value(v) {}
    field(std::string_view n, char const* v) : name(n), value(std::string_view(v)) {}
    field(std::string_view n, std::string const& v) : name(n), value(std::string_view(v)) {}
    field(std::string_view n, bool v) : name(n), value(v) {}
    template <class Integer>
        requires(std::is_integral_v<Integer> && std::is_signed_v<Integer>)
    field(std::string_view n, Integer v) : name(n), value(static_cast<std::int64_t>(v)) {}
    template <class Integer>
        requires(std::is_integral_v<Integer> && std::is_unsigned_v<Integer> &&
                 !std::is_same_v<Integer, bool>)
    field(std::string_view n, Integer v) : name(n), value(static_cast<std::uint64_t>(v)) {}

    std::string_view name;
    std::variant<std::string_view, bool, std::int64_t, std::uint64_t> value;
};
using fields = std::initializer_list<field>;

enum class level : std::uint8_t { debug, info, warn, error, off };

/// "debug", "info", "warn" or "warning", "error", "off"; anything else is info (the configuration
/// has refused it before).
level parse_level(std::string_view name);

/// Lines below it are not written. Default: info.
void set_level(level least);
bool enabled(level l);

void debug(std::string_view msg, fields more = {});
void info(std::string_view msg, fields more = {});
void warn(std::string_view msg, fields more = {});
void error(std::string_view msg, fields more = {});

/// Where lines go from now on; empty: stdout. Returns when the earlier lines are written, so that
/// a test sees them all.
void set_sink(telemetry::line_sink sink);
/// Returns when every line so far has been written. For the end of the process.
void flush();

}  // namespace sidecache::log
