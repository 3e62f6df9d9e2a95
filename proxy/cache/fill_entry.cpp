#include "proxy/cache/fill_entry.hpp"

#include "proxy/cache/hit.hpp"
#include "proxy/store/entry_codec.hpp"
#include "rules/http_cache/storability.hpp"
#include "rules/http_cache/validation.hpp"

// The hash is a header of its own.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::cache {

namespace {

/// Whether the upstream has seen what the response varies on as readers will be compared: a field
/// that the client kept back (by naming it in Connection) or that differs from fetch to fetch
/// (X-Forwarded-For, X-Request-Id) would put one client's variant before others.
bool is_selected_by_client(fill_order const& order, rules::storable const& how) {
    std::vector<std::pair<std::string_view, std::string_view>> seen;
    for (auto const& [name, value] : how.vary) {
        // What is made of these depends on nothing but the client's field and the full key.
        if (name != "host" && name != "x-forwarded-host" && name != "x-forwarded-proto") {
            seen.emplace_back(name, value);
        }
    }
    return rules::vary_matches(seen, order.request.view());
}

/// `ttl: origin`: what the response says of itself (RFC 9111 section 3).
std::variant<rules::storable, rules::not_stored> by_origin(fill_order const& order,
                                                           http::response_head const& head,
                                                           unix_ms requested_at,
                                                           unix_ms received_at) {
    auto answer = rules::http_cache::may_keep(order.wanted.matched->definition,
                                              order.asked.view(),
                                              head.status,
                                              head.fields.all(),
                                              requested_at,
                                              received_at);
    if (auto const* why = std::get_if<rules::not_stored>(&answer)) {
        return *why;
    }
    auto& kept = std::get<rules::http_cache::kept>(answer);
    rules::storable out;
    out.ttl = kept.fresh;
    out.life = kept.life;
    out.initial_age = static_cast<std::uint32_t>(kept.initial_age);
    out.vary = std::move(kept.vary);
    out.left_out = std::move(kept.left_out);
    return out;
}

/// The head without what it is stored without, and with an entity tag.
http::response_head stored_form(fill_order const& order,
                                http::response_head head,
                                std::string_view body,
                                rules::storable const& how) {
    if (!how.left_out.empty()) {
        head.fields.erase_all(how.left_out);
    }
    auto const& rule = order.wanted.matched->definition;
    bool const wants_tag = rule.origin && rule.own_etag && head.status == 200;
    if (wants_tag && !head.fields.find("ETag")) {
        auto const hash = XXH3_128bits(body.data(), body.size());
        head.fields.add("ETag", rules::http_cache::own_entity_tag(hash.high64, hash.low64));
    }
    return head;
}

}  // namespace

std::variant<rules::storable, rules::not_stored> shareable(fill_order const& order,
                                                           http::response_head const& head,
                                                           unix_ms requested_at,
                                                           unix_ms received_at) {
    auto const& rule = order.wanted.matched->definition;
    auto answer = rule.origin
                      ? by_origin(order, head, requested_at, received_at)
                      : rules::may_store(rule, order.asked.view(), head.status, head.fields.all());
    if (std::holds_alternative<rules::not_stored>(answer)) {
        return answer;
    }
    if (!is_selected_by_client(order, std::get<rules::storable>(answer))) {
        return rules::not_stored::vary_star;
    }
    if (head.body == http::framing::length && head.content_length > rule.max_object) {
        return rules::not_stored::too_large;
    }
    if (head.body == http::framing::close) {
        // It ends with the connection: a backend that died in mid-answer looks the same.
        return rules::not_stored::truncated;
    }
    return answer;
}

std::chrono::milliseconds shortened(std::chrono::milliseconds ttl,
                                    double jitter,
                                    store::id_source& chance) {
    if (jitter <= 0) {
        return ttl;
    }
    auto const share = static_cast<double>(chance.next().low >> 11) * 0x1p-53;
    auto const off = static_cast<double>(ttl.count()) * jitter * share;
    return ttl - std::chrono::milliseconds(static_cast<std::int64_t>(off));
}

std::string make_entry(fill_order const& order,
                       fill_ground const& ground,
                       http::response_head const& head,
                       std::string_view body,
                       rules::storable const& how,
                       unix_ms fetched_at,
                       entry_tags const& under) {
    store::entry_to_store e;
    if (ground.snapshot) {
        e.server = ground.snapshot->by.server;
    }
    auto const stored_head =
        head_to_store(stored_form(order, head, body, how), body.size(), system_now_ms());
    e.full_key = order.wanted.full_key;
    e.tags = &under.tags;
    e.generations = under.generations;
    e.fetched_at = fetched_at;
    e.initial_age = how.initial_age.value_or(age_on_arrival(head));
    e.ttl_ms = static_cast<std::uint64_t>(how.ttl.count());
    e.vary = how.vary;
    e.status = head.status;
    e.head = stored_head;
    e.body = body;
    return store::encode_entry(e);
}

}  // namespace sidecache::cache
