#include "rules/http_cache/freshness.hpp"

#include "rules/http_cache/date.hpp"
#include "rules/list_field.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sidecache::rules::http_cache {

namespace {

constexpr seconds most_heuristic = std::chrono::hours(24);
constexpr int heuristic_part = 10;  // one part in ten of what has passed since Last-Modified
constexpr seconds least_kept = std::chrono::minutes(10);
constexpr seconds most_kept = std::chrono::hours(24);

seconds of(std::uint64_t n) {
    return seconds(static_cast<std::int64_t>(n));
}

std::optional<unix_seconds> date_in(std::span<field const> fields,
                                    std::string_view name,
                                    unix_seconds now) {
    auto const text = find_field(fields, name);
    return text ? read_date(trimmed(*text), now) : std::nullopt;
}

/// Section 4.2.2. Nothing may be guessed for what is forbidden to be, nor for a future date.
seconds guess(unsigned status,
              std::span<field const> response,
              response_directives const& d,
              unix_seconds date) {
    if (!is_heuristically_cacheable(status) && !d.is_public) {
        return seconds(0);
    }
    auto const modified = date_in(response, "Last-Modified", date);
    if (!modified || *modified >= date) {
        return seconds(0);
    }
    return std::min(seconds((date - *modified) / heuristic_part), most_heuristic);
}

}  // namespace

bool is_heuristically_cacheable(unsigned status) {
    constexpr std::array<unsigned, 12> those{
        200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501};
    return std::find(those.begin(), those.end(), status) != those.end();
}

bool is_understood(unsigned status) {
    // RFC 9110 section 15, those that are final; 206 and 304 are handled, and never stored.
    constexpr std::array<unsigned, 40> those{200, 201, 202, 203, 204, 205, 300, 301, 302, 303,
                                             307, 308, 400, 401, 402, 403, 404, 405, 406, 407,
                                             408, 409, 410, 411, 412, 413, 414, 415, 416, 417,
                                             421, 422, 426, 451, 500, 501, 502, 503, 504, 505};
    return std::find(those.begin(), those.end(), status) != those.end();
}

freshness freshness_of(unsigned status,
                       std::span<field const> response,
                       governing const& rules,
                       unix_milliseconds received_at) {
    auto const& d = rules.directives;
    auto const received = received_at / 1000;
    auto const date = date_in(response, "Date", received).value_or(received);
    freshness out;
    out.always_validate = d.no_cache;
    out.never_stale =
        d.no_cache || d.must_revalidate || d.proxy_revalidate || d.s_maxage.has_value();
    out.stale_while_revalidate = of(d.stale_while_revalidate.value_or(0));
    out.stale_if_error = of(d.stale_if_error.value_or(0));
    if (d.s_maxage) {
        out.from = freshness::source::s_maxage;
        out.lifetime = of(*d.s_maxage);
    } else if (d.max_age) {
        out.from = freshness::source::max_age;
        out.lifetime = of(*d.max_age);
    } else if (!rules.is_targeted && find_field(response, "Expires")) {
        out.from = freshness::source::expires;
        auto const expires = date_in(response, "Expires", received);
        out.lifetime = seconds(expires ? std::max<std::int64_t>(0, *expires - date) : 0);
    } else if (auto const guessed = guess(status, response, d, date); guessed > seconds(0)) {
        out.from = freshness::source::heuristic;
        out.lifetime = guessed;
    }
    return out;
}

freshness freshness_of(unsigned status,
                       std::span<field const> response,
                       unix_milliseconds received_at) {
    governing rules;
    read_governing(response, rules);
    return freshness_of(status, response, rules, received_at);
}

std::uint64_t read_age(std::span<field const> response) {
    auto const line = find_field(response, "Age");
    if (!line) {
        return 0;
    }
    auto const first = trimmed(line->substr(0, line->find(',')));
    return first.starts_with('"') ? 0 : read_delta(first).value_or(0);
}

std::uint64_t initial_age(std::span<field const> response,
                          unix_milliseconds requested_at,
                          unix_milliseconds received_at) {
    auto const delay = std::max<std::int64_t>(0, received_at - requested_at) / 1000;
    auto const date = date_in(response, "Date", received_at / 1000);
    auto const apparent = date ? std::max<std::int64_t>(0, received_at / 1000 - *date) : 0;
    auto const by_date = static_cast<std::uint64_t>(std::max<std::int64_t>(0, apparent - delay));
    return std::min(std::max(read_age(response), by_date), longest_delta);
}

reuse may_reuse(freshness const& f, milliseconds age, request_directives const& asked) {
    // `max-age=0` is how a client asks for a validation, however new the response.
    bool const is_too_old = asked.max_age && (*asked.max_age == 0 || age > of(*asked.max_age));
    if (f.always_validate || asked.no_cache || is_too_old) {
        return reuse::validate;
    }
    auto const left = milliseconds(f.lifetime) - age;
    if (asked.min_fresh && left < of(*asked.min_fresh)) {
        return reuse::validate;
    }
    if (left > milliseconds(0)) {
        return reuse::fresh;
    }
    if (f.never_stale) {
        return reuse::validate;
    }
    if (asked.max_stale && -left <= of(*asked.max_stale)) {
        return reuse::stale_allowed;
    }
    return !asked.max_age && -left < f.stale_while_revalidate ? reuse::while_revalidate
                                                              : reuse::validate;
}

bool is_trouble(unsigned status) {
    return status == 500 || status == 502 || status == 503 || status == 504;
}

bool may_serve_on(trouble what,
                  freshness const& f,
                  milliseconds age,
                  request_directives const& asked) {
    if (f.always_validate || asked.no_cache) {
        return false;
    }
    auto const staleness = age - milliseconds(f.lifetime);
    if (staleness < milliseconds(0)) {
        return true;
    }
    if (f.never_stale) {
        return false;
    }
    return what == trouble::unreachable ||
           staleness < std::max(f.stale_if_error, of(asked.stale_if_error.value_or(0)));
}

seconds worth_keeping(freshness const& f, bool has_validator) {
    if (!has_validator && (f.never_stale || f.from == freshness::source::none)) {
        return seconds(0);
    }
    auto const windows =
        f.never_stale ? seconds(0) : std::max(f.stale_while_revalidate, f.stale_if_error);
    if (!has_validator && f.lifetime == seconds(0)) {
        return windows;
    }
    return std::max(windows, std::clamp(f.lifetime, least_kept, most_kept));
}

}  // namespace sidecache::rules::http_cache
