#include "config/units.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>

namespace sidecache::config {
namespace {

using std::chrono::milliseconds;

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<unit, 5> duration_units{{
    {"ms", 1},
    {"s", 1'000},
    {"m", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
}};

constexpr std::array<unit, 7> size_units{{
    {"B", 1},
    {"KB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"KiB", 1ULL << 10U},
    {"MiB", 1ULL << 20U},
    {"GiB", 1ULL << 30U},
}};

// Ten years: more is a slip of the finger, and sums of such values stay far from overflow.
constexpr std::uint64_t longest_duration = 3'650ULL * 86'400'000ULL;
constexpr std::uint64_t largest_size = 1ULL << 50U;

struct quantity {
    std::uint64_t number;
    std::string_view unit;
};

/// Digits, at most one space, the rest.
std::optional<quantity> split(std::string_view text) {
    std::uint64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) {
        number = std::numeric_limits<std::uint64_t>::max();
    } else if (error != std::errc{}) {
        return std::nullopt;
    }
    auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (rest.starts_with(' ')) {
        rest.remove_prefix(1);
    }
    return quantity{number, rest};
}

parsed<std::uint64_t> scale(std::string_view text,
                            quantity const& q,
                            std::span<unit const> units,
                            std::uint64_t largest,
                            problem const& unknown_unit) {
    for (auto const& u : units) {
        if (u.name != q.unit) {
            continue;
        }
        if (q.number > largest / u.factor) {
            return problem{quoted(text) + " is too large", ""};
        }
        return q.number * u.factor;
    }
    return unknown_unit;
}

std::string print(std::uint64_t value, std::span<unit const> units, std::string_view smallest) {
    std::string_view name = smallest;
    std::uint64_t factor = 1;
    for (auto const& u : units) {
        if (value != 0 && u.factor > factor && value % u.factor == 0) {
            name = u.name;
            factor = u.factor;
        }
    }
    return std::to_string(value / factor) + std::string(name);
}

}  // namespace

parsed<milliseconds> parse_duration(std::string_view text) {
    auto const q = split(text);
    if (!q) {
        return problem{quoted(text) + " is not a duration",
                       "write a number and a unit: 500ms, 10s, 5m, 2h or 1d"};
    }
    if (q->unit.empty()) {
        auto const number = std::string(text);
        return problem{"duration " + quoted(text) + " has no unit",
                       text.size() > 12 ? "add ms, s, m, h or d"
                                        : "add one: " + number + "s for seconds, " + number +
                                              "ms for milliseconds"};
    }
    auto const hint = q->unit.starts_with('.')
                          ? "use a smaller unit instead of a fraction: 1500ms, not 1.5s"
                          : "the units are ms, s, m, h and d";
    auto scaled = scale(
        text, *q, duration_units, longest_duration, {quoted(text) + " is not a duration", hint});
    if (auto* bad = std::get_if<problem>(&scaled)) {
        if (bad->hint.empty()) {
            bad->hint = "at most 3650d";
        }
        return std::move(*bad);
    }
    return milliseconds(static_cast<std::int64_t>(std::get<std::uint64_t>(scaled)));
}

parsed<std::uint64_t> parse_size(std::string_view text) {
    auto const q = split(text);
    if (!q) {
        return problem{quoted(text) + " is not a size",
                       "write a number and a unit: 512KiB, 64MiB or 1GiB"};
    }
    if (q->unit.empty()) {
        if (q->number == 0) {
            return std::uint64_t{0};
        }
        return problem{"size " + quoted(text) + " has no unit", "add one: B, KiB, MiB or GiB"};
    }
    // Kubernetes writes 64Mi, many write 64M or 64mb: none of them is guessed at.
    auto scaled =
        scale(text,
              *q,
              size_units,
              largest_size,
              {quoted(text) + " is not a size",
               "the units are B, KiB, MiB, GiB (powers of 1024) and KB, MB, GB (powers of 1000)"});
    if (auto* bad = std::get_if<problem>(&scaled); bad != nullptr && bad->hint.empty()) {
        bad->hint = "at most 1048576GiB";
    }
    return scaled;
}

parsed<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t number = 0;
    auto const [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) {
        return problem{quoted(text) + " is too large", ""};
    }
    if (error != std::errc{} || stop != text.data() + text.size()) {
        return problem{quoted(text) + " is not a whole number", "write plain digits"};
    }
    return number;
}

parsed<double> parse_share(std::string_view text) {
    auto const percent = text.ends_with('%');
    auto const digits = percent ? text.substr(0, text.size() - 1) : text;
    double share = 0;
    auto const [stop, error] = std::from_chars(
        digits.data(), digits.data() + digits.size(), share, std::chars_format::fixed);
    auto const is_number = error == std::errc{} && stop == digits.data() + digits.size();
    share = percent ? share / 100 : share;
    // The comparison is written so that a NaN fails it.
    if (!is_number || !(share >= 0 && share <= 1)) {
        return problem{quoted(text) + " is not a share",
                       "write a number between 0 and 1, such as 0.1"};
    }
    return share;
}

parsed<bool> parse_boolean(std::string_view text) {
    if (text == "true") {
        return true;
    }
    if (text == "false") {
        return false;
    }
    return problem{quoted(text) + " is neither true nor false", "write true or false"};
}

std::string print_duration(milliseconds d) {
    return print(
        static_cast<std::uint64_t>(d.count()), duration_units, d.count() == 0 ? "s" : "ms");
}

std::string print_size(std::uint64_t bytes) {
    // Powers of 1000 come before those of 1024 in the table: only the latter read well back.
    return print(bytes, std::span(size_units).subspan(4), "B");
}

}  // namespace sidecache::config
