#include "rules/storable.hpp"

#include "rules/cache_control.hpp"
#include "rules/vary.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

bool has_field(std::span<field const> fields, std::string_view name) {
    return find_field(fields, name).has_value();
}

/// The rule's duration for a status; zero: not stored.
std::chrono::milliseconds duration_for(rule_definition const& rule, unsigned status) {
    if (auto const own = rule.statuses.find(status); own != rule.statuses.end()) {
        return own->second;
    }
    return status == 200 ? rule.ttl : std::chrono::milliseconds(0);
}

}  // namespace

std::variant<storable, not_stored> may_store(rule_definition const& rule,
                                             request const& asked,
                                             unsigned status,
                                             std::span<field const> response) {
    // RFC 9111 section 3.3: a part is of no use to who asks for the whole.
    if (status == 206 || has_field(response, "Content-Range")) {
        return not_stored::partial;
    }
    auto const ttl = duration_for(rule, status);
    if (ttl <= std::chrono::milliseconds(0)) {
        return not_stored::status;
    }
    // The rule's duration overrides freshness and no-cache, but nobody's wish that nothing be kept:
    // neither the server's nor the client's (RFC 9111 sections 5.2.1.5 and 5.2.2.5).
    auto const control = read_cache_control(response);
    if (control.no_store || read_cache_control(asked.fields).no_store) {
        return not_stored::no_store;
    }
    if (control.is_private) {
        return not_stored::is_private;
    }
    if (!rule.store_set_cookie && has_field(response, "Set-Cookie")) {
        return not_stored::set_cookie;
    }
    auto vary = varied_fields(response, asked, rule.languages_by_preference);
    if (!vary) {
        return not_stored::vary_star;
    }
    storable out{ttl, std::move(*vary)};
    // RFC 9111 section 5.2.2.2: never served stale, so not kept for that.
    if (!control.must_revalidate) {
        auto const window = std::max(rule.stale_while_revalidate, rule.stale_if_error);
        out.life = window > std::chrono::milliseconds(0) ? ttl + window : window;
    }
    return out;
}

std::string_view name(not_stored reason) {
    switch (reason) {
        case not_stored::status:
            return "status";
        case not_stored::no_store:
            return "no_store";
        case not_stored::is_private:
            return "private";
        case not_stored::set_cookie:
            return "set_cookie";
        case not_stored::vary_star:
            return "vary_star";
        case not_stored::partial:
            return "partial";
        case not_stored::too_large:
            return "too_large";
        case not_stored::truncated:
            return "truncated";
        case not_stored::marked:
            return "marked";
        case not_stored::quarantine:
            return "quarantine";
        case not_stored::store_down:
            return "store_down";
        case not_stored::max_keys:
            return "max_keys";
        case not_stored::authorization:
            return "authorization";
        case not_stored::not_fresh:
            return "not_fresh";
    }
    return "";
}

}  // namespace sidecache::rules
