#pragma once

#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/stack.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// The words of the end-to-end tests: what a client sees of the products service.
namespace sidecache::tests {

inline http_fields const org1{{"X-Org-Id", "1"}};
inline http_fields const org2{{"X-Org-Id", "2"}};

/// RFC 9211: the first parameter behind our name.
inline bool is_hit(http_response const& r) {
    return r["Cache-Status"].find("sidecache; hit") != std::string::npos;
}
inline bool says(http_response const& r, std::string_view text) {
    return r["Cache-Status"].find(text) != std::string::npos;
}
inline bool is_stored(http_response const& r) {
    return says(r, "; stored");
}

inline boost::json::value json_of(http_response const& r) {
    return boost::json::parse(r.body);
}

/// The version of the one product in an answer.
inline std::int64_t version_of(http_response const& r) {
    return json_of(r).at("version").to_number<std::int64_t>();
}

/// Whether a list's answer shows a product of that id.
inline bool lists(http_response const& r, std::int64_t id) {
    auto const v = json_of(r);
    for (auto const& item : v.at("items").as_array()) {
        if (item.at("id").to_number<std::int64_t>() == id) {
            return true;
        }
    }
    return false;
}

/// Fills `target` if need be and waits until replica `i` answers it from the cache.
inline bool becomes_hit(stack& s,
                        std::size_t i,
                        std::string_view target,
                        http_fields const& fields = {}) {
    return eventually([&] { return is_hit(s[i].get(target, fields)); });
}

inline http_response patch(sidecache_process& p,
                           std::int64_t id,
                           std::string_view body = R"({"priceCents": 1})",
                           http_fields const& fields = org1) {
    return p.request("PATCH", "/products/" + std::to_string(id), fields, body);
}

/// Store and upstream settings under which markers are over soon: for tests that wait for that.
inline stack_options with_short_markers() {
    stack_options o;
    o.upstream = "timeout: 700ms, connect_timeout: 300ms";
    o.store = "timeout: 300ms, retry: {attempts: 0}, margin: 800ms";
    o.settings = "near_cache: {lease: 100ms}\n";
    return o;
}

/// Settings under which a busy machine is not taken for a slow Redis.
inline stack_options patient() {
    stack_options o;
    o.store = "timeout: 2s, margin: 20s";
    return o;
}

}  // namespace sidecache::tests
