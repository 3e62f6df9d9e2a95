#include "rules/http_cache/range.hpp"

#include "rules/http_cache/conditional.hpp"
#include "rules/http_cache/date.hpp"
#include "rules/list_field.hpp"

#include <algorithm>
#include <limits>

namespace sidecache::rules::http_cache {

namespace {

std::optional<std::uint64_t> read_position(std::string_view text) {
    if (text.empty()) {
        return std::nullopt;
    }
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max() / 16;
    std::uint64_t n = 0;
    for (char const c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        n = std::min(largest, n * 10 + static_cast<std::uint64_t>(c - '0'));
    }
    return n;
}

enum class spec : std::uint8_t { satisfiable, unsatisfiable, malformed };

/// `0-1`, `5-`, `-5` (RFC 9110 section 14.1.2).
spec read_spec(std::string_view text, std::uint64_t size, byte_range& out) {
    auto const dash = text.find('-');
    if (dash == std::string_view::npos) {
        return spec::malformed;
    }
    auto const before = text.substr(0, dash);
    auto const behind = text.substr(dash + 1);
    auto const first = read_position(before);
    auto const last = read_position(behind);
    if (before.empty()) {
        if (!last) {
            return spec::malformed;
        }
        if (*last == 0 || size == 0) {
            return spec::unsatisfiable;
        }
        out = {size - std::min(*last, size), size - 1};
        return spec::satisfiable;
    }
    if (!first || (!last && !behind.empty()) || (last && *last < *first)) {
        return spec::malformed;
    }
    if (*first >= size) {
        return spec::unsatisfiable;
    }
    out = {*first, std::min(last.value_or(size - 1), size - 1)};
    return spec::satisfiable;
}

/// RFC 9110 section 13.1.5: a strong tag that is the same, or the same date where that is a strong
/// validator, being at least a second older than Date (section 8.8.2.2).
bool if_range_holds(std::string_view text, std::span<field const> response, unix_milliseconds now) {
    auto const value = [&](std::string_view name) {
        return trimmed(find_field(response, name).value_or(std::string_view()));
    };
    if (auto const tag = read_entity_tag(text)) {
        auto const stored = read_entity_tag(value("ETag"));
        return stored && strongly_equal(*tag, *stored);
    }
    auto const theirs = read_date(trimmed(text), now / 1000);
    auto const modified = read_date(value("Last-Modified"), now / 1000);
    auto const date = read_date(value("Date"), now / 1000);
    return theirs && modified && date && *theirs == *modified && *modified < *date;
}

/// The one Range line of a request; nullopt: none, or several.
std::optional<std::string_view> range_line(request const& asked) {
    std::optional<std::string_view> out;
    for (auto const& f : asked.fields) {
        if (iequals(f.name, "Range")) {
            if (out) {
                return std::nullopt;
            }
            out = trimmed(f.value);
        }
    }
    return out;
}

bool is_wasteful(std::vector<byte_range> const& ranges, std::uint64_t size) {
    std::uint64_t total = 0;
    for (auto const& r : ranges) {
        total += r.size();
    }
    return ranges.size() > 1 && total > size;
}

}  // namespace

range_answer evaluate_range(request const& asked,
                            unsigned status,
                            std::span<field const> response,
                            std::uint64_t size,
                            unix_milliseconds now) {
    range_answer out;
    auto const line = range_line(asked);
    if (!line || asked.method != "GET" || status != 200) {
        return out;
    }
    constexpr std::string_view unit = "bytes=";
    if (!iequals(line->substr(0, unit.size()), unit)) {
        return out;
    }
    if (auto const condition = find_field(asked.fields, "If-Range");
        condition && !if_range_holds(*condition, response, now)) {
        return out;
    }
    bool malformed = false;
    bool any = false;
    for_each_element(line->substr(unit.size()), [&](std::string_view element) {
        byte_range r;
        auto const read = read_spec(element, size, r);
        any = true;
        malformed = malformed || read == spec::malformed || out.ranges.size() > max_ranges;
        if (read == spec::satisfiable && !malformed) {
            out.ranges.push_back(r);
        }
    });
    if (malformed || !any || out.ranges.size() > max_ranges || is_wasteful(out.ranges, size)) {
        out.ranges.clear();
        return out;
    }
    out.what = out.ranges.empty()       ? range_answer::kind::unsatisfiable
               : out.ranges.size() == 1 ? range_answer::kind::part
                                        : range_answer::kind::parts;
    return out;
}

std::string content_range(std::optional<byte_range> const& range, std::uint64_t size) {
    std::string out = "bytes ";
    if (range) {
        out += std::to_string(range->first) + '-' + std::to_string(range->last);
    } else {
        out += '*';
    }
    return out + '/' + std::to_string(size);
}

std::string multipart(std::string_view body,
                      std::span<byte_range const> ranges,
                      std::string_view content_type,
                      std::string_view boundary) {
    std::string out;
    for (auto const& r : ranges) {
        out += "\r\n--";
        out += boundary;
        if (!content_type.empty()) {
            out += "\r\nContent-Type: ";
            out += content_type;
        }
        out += "\r\nContent-Range: ";
        out += content_range(r, body.size());
        out += "\r\n\r\n";
        out += body.substr(r.first, r.size());
    }
    out += "\r\n--";
    out += boundary;
    out += "--\r\n";
    return out;
}

}  // namespace sidecache::rules::http_cache
