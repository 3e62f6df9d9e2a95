#include "config/settings.hpp"

#include "config/events_reader.hpp"
#include "config/identity_reader.hpp"
#include "config/store_reader.hpp"
#include "config/units.hpp"
#include "config/url.hpp"
#include "config/warm_reader.hpp"
#include "rules/field_policy.hpp"

#include <algorithm>
#include <array>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr std::uint64_t mib = 1ULL << 20U;
constexpr std::uint64_t gib = 1ULL << 30U;

void read_admin(section& s, admin& out) {
    s.value<endpoint>("listen", out.listen, parse_listen);
    s.text("token", out.token);
}

bool is_field_name(string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               string_view("!#$%&'*+-.^_`|~").find(c) != string_view::npos;
    });
}

/// What frames a message, names its host or decides who shares an entry is not to be taken away.
bool is_indispensable(string_view name) {
    static constexpr std::array<string_view, 10> names{"Host",
                                                       "Authorization",
                                                       "Cookie",
                                                       "Connection",
                                                       "Transfer-Encoding",
                                                       "TE",
                                                       "Trailer",
                                                       "Upgrade",
                                                       "Expect",
                                                       "Keep-Alive"};
    return std::ranges::any_of(names, [&](auto n) { return rules::iequals(n, name); }) ||
           rules::iequals(name.substr(0, 8), "Content-");
}

/// Calls `take(name, place)` for each field name of a list.
template <class Take>
void read_field_names(section& s, string_view key, Take take) {
    auto const* node = s.find(key);
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return;
    }
    if (node->what != yaml_node::kind::sequence) {
        s.findings().error(node->at,
                           quoted(key) + " must be a list of header names",
                           "write " + std::string(key) + ": [X-Forwarded-Host]");
        return;
    }
    for (auto const& item : node->items) {
        if (s.expect_scalar(*item, key) == nullptr) {
            continue;
        }
        if (!is_field_name(item->text)) {
            s.findings().error(item->at, quoted(item->text) + " is not the name of a header", "");
            continue;
        }
        take(item->text, item->at);
    }
}

void read_fields(section& s, upstream& out) {
    read_field_names(s, "strip_headers", [&](std::string const& name, rules::position at) {
        if (is_indispensable(name)) {
            s.findings().error(at,
                               quoted(name) + " cannot be stripped",
                               "it frames the request, names its host or says who asks");
            return;
        }
        out.strip_headers.push_back(name);
    });
    read_field_names(s, "trusted_headers", [&](std::string const& name, rules::position at) {
        if (!rules::field_policy::is_watched(name)) {
            s.findings().warning(at,
                                 quoted(name) + " needs no trust: requests with it are cached",
                                 "remove it; SECURITY.md lists the headers that need it");
        }
        out.trusted_headers.push_back(name);
    });
}

void read_upstream(section& s, upstream& out) {
    upstream_url url{out.address, out.host_header};
    s.value<upstream_url>("url", url, parse_upstream_url);
    out.address = std::move(url.address);
    out.host_header = std::move(url.host_header);
    s.value<std::string>("host", out.fixed_host, parse_upstream_host);
    read_fields(s, out);
    s.duration("connect_timeout", out.connect_timeout, section::timeout);
    s.duration("timeout", out.timeout, section::timeout);
    s.count("max_idle", out.max_idle, 0, 100'000);
    s.duration("idle_timeout", out.idle_timeout, section::timeout);
    s.count("max_concurrent", out.max_concurrent, 1, 1'000'000);
    s.count("max_queue", out.max_queue, 0, 1'000'000);
    s.count("max_background", out.max_background, 0, 1'000'000);
}

void read_quarantine(section& s, store& out) {
    auto const* node = s.find("quarantine");
    if (node != nullptr && node->what == yaml_node::kind::scalar && node->text == "auto") {
        out.quarantine.reset();
        return;
    }
    milliseconds value = milliseconds(-1);
    s.duration("quarantine", value, {0ms, 24h});
    if (value >= 0ms) {
        out.quarantine = value;
    }
}

void read_store(section& s, store& out) {
    read_store_access(s, out);
    s.duration("timeout", out.timeout, section::timeout);
    s.child("retry", [&](section& retry) {
        retry.count("attempts", out.retry_attempts, 0, 10);
        retry.duration("backoff", out.retry_backoff, {0ms, 10s});
    });
    s.child("breaker", [&](section& breaker) {
        breaker.count("failures", out.breaker_failures, 1, 1'000'000);
        breaker.duration("open_for", out.breaker_open_for, section::timeout);
    });
    static constexpr std::array<string_view, 2> on_down{"forward", "refuse"};
    if (auto const word = s.choice("on_down", on_down)) {
        out.refuse_on_down = *word == 1;
    }
    s.duration("on_down_hold", out.on_down_hold, {0ms, 1h});
    s.duration("margin", out.margin, section::timeout);
    read_quarantine(s, out);
    s.size("memory_size", out.memory_size, mib, 1'024 * gib);
}

void read_near_cache(section& s, near_cache& out) {
    s.size("size", out.size, 0, 1'024 * gib);
    s.duration("lease", out.lease, {50ms, 1min});
}

void read_limits(section& s, limits& out) {
    s.count("max_connections", out.max_connections, 1, 10'000'000);
    s.size("max_header", out.max_header, 1'024, 16 * mib);
    s.size("max_target", out.max_target, 128, 16 * mib);
    s.size("max_body", out.max_body, 0, 1'024 * gib);
    s.size("max_mutation_body", out.max_mutation_body, 0, gib);
    s.size("max_mutation_response", out.max_mutation_response, 0, gib);
    s.duration("header_timeout", out.header_timeout, section::timeout);
    s.duration("body_timeout", out.body_timeout, section::timeout);
    s.duration("write_timeout", out.write_timeout, section::timeout);
    s.duration("idle_timeout", out.idle_timeout, section::timeout);
    s.duration("drain_delay", out.drain_delay, {0ms, 24h});
    s.duration("drain_timeout", out.drain_timeout, {0ms, 24h});
}

void read_log(section& s, log& out) {
    static constexpr std::array<string_view, 5> levels{"debug", "info", "warning", "error", "off"};
    if (auto const level = s.choice("level", levels)) {
        out.level = levels[*level];
    }
    s.child("access", [&](section& access) {
        access.boolean("enabled", out.access.enabled);
        access.boolean("hits", out.access.hits);
    });
}

}  // namespace

void read_settings(section& top, model& out) {
    top.value<endpoint>("listen", out.listen, parse_listen);
    top.count("workers", out.workers, 0, 1'024);
    static constexpr std::array<string_view, 2> reload{"signal", "watch"};
    if (auto const word = top.choice("reload", reload)) {
        out.reload_on_change = *word == 1;
    }
    top.child("admin", [&](section& s) { read_admin(s, out.admin); });
    top.child("upstream", [&](section& s) { read_upstream(s, out.upstream); });
    top.child("store", [&](section& s) { read_store(s, out.store); });
    top.child("near_cache", [&](section& s) { read_near_cache(s, out.near_cache); });
    top.child("limits", [&](section& s) { read_limits(s, out.limits); });
    top.child("log", [&](section& s) { read_log(s, out.log); });
    out.identity = read_identity(top);
    out.warm = read_warm(top);
    out.events = read_events(top);
}

}  // namespace sidecache::config
