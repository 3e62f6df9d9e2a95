#include "config/url.hpp"

#include "config/url_parts.hpp"

#include <arpa/inet.h>
#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <array>

namespace sidecache::config {
namespace {

namespace urls = boost::urls;

bool is_address(int family, std::string const& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(family, host.c_str(), bytes.data()) == 1;
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

}  // namespace sidecache::config
