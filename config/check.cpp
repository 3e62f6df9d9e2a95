#include "config/check.hpp"

#include "config/units.hpp"

#include <initializer_list>
#include <string_view>

namespace sidecache::config {
namespace {

/// The first of these keys that the file gives: the one that its author will look at.
rules::position place_of(places const& where, std::initializer_list<std::string_view> keys) {
    for (auto const key : keys) {
        if (auto const found = where.find(key); found != where.end()) {
            return found->second;
        }
    }
    return {};
}

bool is_any_address(std::string const& host) {
    return host == "0.0.0.0" || host == "::";
}

bool is_loopback(std::string const& host) {
    return host.starts_with("127.") || host == "::1" || host == "localhost";
}

/// Whether two listeners want the same port, or a connection to `b` arrives at listener `a`.
bool meets(endpoint const& a, endpoint const& b) {
    if (a.port != b.port || a.port == 0) {
        return false;
    }
    return a.host == b.host || is_any_address(b.host) ||
           (is_any_address(a.host) && is_loopback(b.host)) ||
           (is_loopback(a.host) && b.host == "localhost");
}

/// Shared out among the workers, of which each keeps nothing larger than an eighth of its part.
constexpr std::uint64_t least_near_size = 1ULL << 20;

/// A mutation that waits out a lease and every repeat of its begin must not have used up its
/// markers' margin: half of it is what begin may take (protocol.md sections 3.4 and 4).
void check_margin(model const& m, places const& where, report& out) {
    auto const tries = m.store.retry_attempts + 1;
    auto const at_the_store =
        tries * m.store.timeout + m.store.retry_attempts * m.store.retry_backoff;
    auto const least = 2 * (m.near_cache.lease + at_the_store);
    if (m.store.margin < least) {
        out.error(place_of(where,
                           {"store.margin",
                            "near_cache.lease",
                            "store.timeout",
                            "store.retry.backoff",
                            "store.retry.attempts"}),
                  "`store.margin` is " + print_duration(m.store.margin) +
                      ", less than a mutation may need before it is forwarded",
                  "make it at least " + print_duration(least) +
                      ": twice near_cache.lease and what the store's retries may take");
    }
}

void check_listeners(model const& m, places const& where, report& out) {
    if (meets(m.listen, m.admin.listen) || meets(m.admin.listen, m.listen)) {
        out.error(place_of(where, {"admin.listen", "listen"}),
                  "`listen` and `admin.listen` are the same port",
                  "give them different ones");
    }
    if (meets(m.listen, m.upstream.address)) {
        out.error(place_of(where, {"upstream.url", "listen"}),
                  "`upstream.url` is where sidecache itself listens",
                  "let the backend listen elsewhere");
    }
    if (!is_loopback(m.admin.listen.host) && m.admin.token.empty()) {
        out.warning(place_of(where, {"admin.listen"}),
                    "anybody who reaches " + m.admin.listen.text() + " can purge",
                    "set admin.token, or listen on 127.0.0.1");
    }
}

}  // namespace

void check_settings(model const& m, places const& where, report& out) {
    check_margin(m, where, out);
    check_listeners(m, where, out);
    if (m.limits.max_target > m.limits.max_header) {
        out.error(place_of(where, {"limits.max_target", "limits.max_header"}),
                  "`limits.max_target` is larger than `limits.max_header`, which holds the target",
                  "make max_header at least " + print_size(m.limits.max_target));
    }
    if (m.near_cache.size != 0 && m.near_cache.size < least_near_size) {
        out.error(place_of(where, {"near_cache.size"}),
                  "`near_cache.size` is " + print_size(m.near_cache.size) +
                      ", too little to hold anything",
                  "make it at least " + print_size(least_near_size) + ", or 0 to turn it off");
    }
}

}  // namespace sidecache::config
