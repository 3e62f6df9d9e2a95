#include "rules/http_cache/storability.hpp"

#include "rules/http_cache/validation.hpp"
#include "rules/list_field.hpp"
#include "rules/vary.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sidecache::rules::http_cache {

namespace {

void add_names(std::vector<std::string>& to, std::string_view list) {
    for_each_element(list, [&](std::string_view name) { to.emplace_back(name); });
}

/// Errors that are about the target itself. Any other may answer what one request alone has said,
/// in a field that no key holds (too large, of another credential, unreadable to the backend), and
/// would then be served to everybody ("cache-poisoned denial of service").
bool is_about_target(unsigned status) {
    constexpr std::array<unsigned, 6> those{404, 405, 410, 414, 451, 501};
    return std::ranges::find(those, status) != those.end();
}

/// Errors that must not be stored, whoever says so (RFC 6585).
bool is_about_client(unsigned status) {
    return status == 428 || status == 429 || status == 431 || status == 511;
}

bool is_storable(rule_definition const& rule, unsigned status) {
    if (status < 200 || status == 304) {
        return false;
    }
    return status < 400 || is_about_target(status) ||
           (rule.store_errors && !is_about_client(status));
}

/// What forbids keeping it, whatever its freshness.
std::optional<not_stored> forbidden(rule_definition const& rule,
                                    request const& asked,
                                    unsigned status,
                                    std::span<field const> response,
                                    response_directives const& d) {
    // Elsewhere Content-Range means nothing (RFC 9110 section 14.4): a field like any other.
    if (status == 206 || status == 416) {
        return not_stored::partial;
    }
    if (!is_storable(rule, status)) {
        return not_stored::status;
    }
    bool const understood = d.must_understand && is_understood(status);
    if ((d.no_store && !understood) || read_request_directives(asked.fields).no_store) {
        return not_stored::no_store;
    }
    if (d.must_understand && !understood) {
        return not_stored::status;
    }
    if (d.is_private) {
        return not_stored::is_private;
    }
    if (!rule.store_set_cookie && find_field(response, "Set-Cookie")) {
        return not_stored::set_cookie;
    }
    if (find_field(asked.fields, "Authorization") && !d.is_public && !d.must_revalidate &&
        !d.s_maxage) {
        return not_stored::authorization;
    }
    return std::nullopt;
}

}  // namespace

std::variant<kept, not_stored> may_keep(rule_definition const& rule,
                                        request const& asked,
                                        unsigned status,
                                        std::span<field const> response,
                                        unix_milliseconds requested_at,
                                        unix_milliseconds received_at) {
    governing rules;
    read_governing(response, rules);
    auto const& d = rules.directives;
    if (auto const why = forbidden(rule, asked, status, response, d)) {
        return *why;
    }
    auto vary = varied_fields(response, asked, rule.languages_by_preference);
    if (!vary) {
        return not_stored::vary_star;
    }
    kept out;
    out.freshness = freshness_of(status, response, rules, received_at);
    bool const has_validator = validators_of(response).any();
    bool const is_explicit = out.freshness.from != freshness::source::none &&
                             out.freshness.from != freshness::source::heuristic;
    if (!is_explicit && !is_heuristically_cacheable(status) && !d.is_public) {
        return not_stored::status;
    }
    out.initial_age = initial_age(response, requested_at, received_at);
    auto const arrived = seconds(static_cast<std::int64_t>(out.initial_age));
    auto const fresh = std::max(out.freshness.lifetime - arrived, seconds(0));
    auto const extra = worth_keeping(out.freshness, has_validator);
    if (extra == seconds(0) && (fresh == seconds(0) || out.freshness.always_validate)) {
        return not_stored::not_fresh;
    }
    out.fresh = out.freshness.always_validate ? milliseconds(0) : milliseconds(fresh);
    out.life = std::min(milliseconds(fresh + extra), longest_kept);
    out.fresh = std::min(out.fresh, longest_kept);
    out.vary = std::move(*vary);
    add_names(out.left_out, d.private_fields);
    add_names(out.left_out, d.no_cache_fields);
    return out;
}

}  // namespace sidecache::rules::http_cache
