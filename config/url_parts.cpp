#include "config/url_parts.hpp"

#include <algorithm>
#include <charconv>

namespace sidecache::config {

namespace urls = boost::urls;

namespace {

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

}  // namespace

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    auto const [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size()) {
        return std::nullopt;
    }
    return port;
}

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

}  // namespace sidecache::config
