#include "config/url.hpp"

#include "config/units.hpp"

#include <arpa/inet.h>
#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace sidecache::config {
namespace {

namespace urls = boost::urls;

bool is_address(int family, std::string const& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(family, host.c_str(), bytes.data()) == 1;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    auto const [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size()) {
        return std::nullopt;
    }
    return port;
}

/// Boost's views own nothing; what we keep is a copy.
template <class View>
std::string copy(View const& view) {
    return {view.data(), view.size()};
}

/// Host and port of a URL, the port as given or the scheme's own.
parsed<endpoint> endpoint_of(urls::url_view const& url,
                             std::string_view shown,
                             std::uint16_t default_port) {
    endpoint out;
    auto const kind = url.host_type();
    if (url.encoded_host().empty()) {
        return problem{quoted(shown) + " names no host", ""};
    }
    if (kind == urls::host_type::ipvfuture) {
        return problem{quoted(shown) + " has an address of an unknown kind", ""};
    }
    out.host = kind == urls::host_type::ipv6 ? copy(url.encoded_host_address()) : url.host();
    out.port = default_port;
    if (url.has_port()) {
        auto const port = parse_port(copy(url.port()));
        if (!port || *port == 0) {
            return problem{quoted(shown) + " has no usable port",
                           "a port is a number from 1 to 65535"};
        }
        out.port = *port;
    }
    return out;
}

parsed<unsigned> parse_database(std::string_view digits, std::string_view shown) {
    auto const number = parse_count(digits);
    auto const* value = std::get_if<std::uint64_t>(&number);
    if (value == nullptr || *value > 65'535) {
        return problem{quoted(shown) + " names no database",
                       "a database is a number: redis://HOST:6379/0"};
    }
    return static_cast<unsigned>(*value);
}

/// HOST, HOST:PORT or [ADDRESS]:PORT: nothing that could be a password whose '@' was forgotten.
bool is_harmless(std::string_view authority) {
    auto const end_of_address = authority.rfind(']');
    auto const colon = authority.rfind(':');
    if (colon == std::string_view::npos ||
        (end_of_address != std::string_view::npos && colon < end_of_address)) {
        return true;
    }
    auto const port = authority.substr(colon + 1);
    return colon != 0 && port.size() <= 5 &&
           std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

/// The URL as messages and logs may show it: a password may stand before an '@', in a query, and,
/// where the '@' was forgotten or what was written is no URL at all, anywhere.
std::string without_credentials(std::string_view text) {
    auto const slashes = text.find("://");
    auto const begin = slashes == std::string_view::npos ? 0 : slashes + 3;
    auto const scheme = text.substr(0, begin);
    auto rest = text.substr(begin);
    auto const at = rest.rfind('@');
    if (at != std::string_view::npos) {
        rest.remove_prefix(at + 1);
    }
    rest = rest.substr(0, rest.find_first_of("?#"));
    if ((at != std::string_view::npos && scheme.empty()) ||
        !is_harmless(rest.substr(0, rest.find('/')))) {
        return std::string(scheme) + "...";
    }
    return std::string(scheme) + std::string(rest);
}

parsed<store_url> parse_redis(urls::url_view const& url, std::string const& shown) {
    store_url out;
    auto address = endpoint_of(url, shown, 6379);
    if (auto* bad = std::get_if<problem>(&address)) {
        return std::move(*bad);
    }
    out.address = std::move(std::get<endpoint>(address));
    auto const path = url.path();
    if (path.size() > 1) {
        auto const database = parse_database(std::string_view(path).substr(1), shown);
        if (auto const* bad = std::get_if<problem>(&database)) {
            return *bad;
        }
        out.database = std::get<unsigned>(database);
    }
    if (url.has_query()) {
        return problem{quoted(shown) + " has a query", "redis:// URLs take none"};
    }
    return out;
}

parsed<store_url> parse_unix(urls::url_view const& url, std::string const& shown) {
    store_url out;
    out.what = store::kind::redis_unix;
    out.path = url.path();
    if (!url.encoded_host().empty() || out.path.size() < 2) {
        return problem{quoted(shown) + " is not the path of a socket",
                       "write three slashes: unix:///run/redis/redis.sock"};
    }
    // sun_path of sockaddr_un holds 107 characters and a zero.
    if (out.path.size() > 107 || out.path.find('\0') != std::string::npos) {
        return problem{quoted(shown) + " is too long for a unix socket", "at most 107 characters"};
    }
    for (auto const& parameter : url.params()) {
        if (parameter.key != "db") {
            return problem{quoted(shown) + " has an unknown parameter",
                           "unix:// URLs take ?db=DATABASE alone"};
        }
        auto const database = parse_database(parameter.value, shown);
        if (auto const* bad = std::get_if<problem>(&database)) {
            return *bad;
        }
        out.database = std::get<unsigned>(database);
    }
    return out;
}

}  // namespace

parsed<endpoint> parse_listen(std::string_view text) {
    auto const colon = text.rfind(':');
    auto const port = parse_port(colon == std::string_view::npos ? "" : text.substr(colon + 1));
    if (!port) {
        return problem{quoted(text) + " is not an address with a port",
                       "write ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080"};
    }
    auto host = std::string(text.substr(0, colon));
    auto const is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    if (host == "localhost") {
        host = "127.0.0.1";
    }
    if (host.find('\0') == std::string::npos &&
        is_address(is_bracketed ? AF_INET6 : AF_INET, host)) {
        return endpoint{std::move(host), *port};
    }
    auto hint =
        std::string("names are not looked up here: write an IP address, or 0.0.0.0 for all");
    if (host.empty()) {
        hint = "write 0.0.0.0:" + std::to_string(*port) +
               " for all addresses, 127.0.0.1:" + std::to_string(*port) + " for this host alone";
    } else if (is_address(AF_INET6, host)) {
        hint = "write an IPv6 address in brackets: [" + host + "]:" + std::to_string(*port);
    }
    return problem{quoted(text) + " is not an address to listen on", std::move(hint)};
}

parsed<upstream_url> parse_upstream_url(std::string_view text) {
    auto const shown = without_credentials(text);
    auto const url = urls::parse_uri(text);
    if (!url || !url->has_authority()) {
        return problem{quoted(shown) + " is not the URL of a backend", "write http://HOST:PORT"};
    }
    if (url->scheme_id() == urls::scheme::https) {
        return problem{
            "the backend cannot be spoken to over TLS",
            "a sidecar shares the pod's loopback with its backend: write http://127.0.0.1:PORT"};
    }
    if (url->scheme_id() != urls::scheme::http) {
        return problem{quoted(shown) + " is not an http:// URL", "write http://HOST:PORT"};
    }
    if (url->has_userinfo() || url->has_query() || url->has_fragment() ||
        (url->encoded_path().size() > 0 && url->encoded_path() != "/")) {
        return problem{quoted(shown) + " holds more than a host and a port",
                       "requests are forwarded with the path and query they came with: write "
                       "http://HOST:PORT"};
    }
    auto address = endpoint_of(*url, shown, 80);
    if (auto* bad = std::get_if<problem>(&address)) {
        return std::move(*bad);
    }
    return upstream_url{std::move(std::get<endpoint>(address)), copy(url->encoded_host_and_port())};
}

parsed<std::string> parse_upstream_host(std::string_view text) {
    if (text == "preserve") {
        return std::string();
    }
    auto const authority = urls::parse_authority(text);
    if (!authority || authority->has_userinfo() || authority->encoded_host().empty() ||
        (authority->has_port() && !parse_port(copy(authority->port())))) {
        return problem{quoted(text) + " is not a host",
                       "write HOST or HOST:PORT as the backend knows itself, or `preserve` to pass "
                       "the client's on"};
    }
    return std::string(text);
}

parsed<store_url> parse_store_url(std::string_view text) {
    auto const shown = without_credentials(text);
    auto const scheme = text.substr(0, text.find("://"));
    for (std::string_view const later : {"rediss", "redis+sentinel", "redis+cluster"}) {
        if (scheme == later) {
            return problem{quoted(std::string(later) + "://") +
                               " is part of the design, not available in this version",
                           "use redis://, unix:// or memory://"};
        }
    }
    if (text == "memory://") {
        store_url out;
        out.what = store::kind::memory;
        out.description = text;
        return out;
    }
    auto const url = urls::parse_uri(text);
    if (!url || !url->has_authority() || url->has_fragment() ||
        (scheme != "redis" && scheme != "unix")) {
        return problem{quoted(shown) + " is not the URL of a store",
                       "write redis://HOST:6379/0, unix:///PATH or memory://; a special character "
                       "in a password is percent-encoded"};
    }
    auto out = scheme == "redis" ? parse_redis(*url, shown) : parse_unix(*url, shown);
    if (auto* store = std::get_if<store_url>(&out)) {
        store->user = url->user();
        store->password = url->password();
        store->description = shown;
        if (scheme == "unix" && url->has_query()) {
            store->description += "?db=" + std::to_string(store->database);
        }
        if (!store->user.empty() && store->password.empty()) {
            return problem{
                quoted(shown) + " has a user without a password",
                "write redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST for a password alone"};
        }
    }
    return out;
}

}  // namespace sidecache::config
