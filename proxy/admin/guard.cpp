#include "proxy/admin/guard.hpp"

#include "proxy/admin/answer.hpp"
#include "proxy/http/message.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace sidecache::admin {

namespace {

using digest = std::array<unsigned char, 32>;

/// False when there is no such hash to be had: then nothing is equal to anything.
bool hash(std::string_view text, digest& out) {
    unsigned size = 0;
    return EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr) == 1 &&
           size == out.size();
}

bool is_foreign(std::string_view origin, std::string_view host) {
    auto const scheme = origin.find("://");
    return scheme == std::string_view::npos || !rules::iequals(origin.substr(scheme + 3), host);
}

/// What Sec-Fetch-Site says of requests that a page of the same origin, or the person, has made.
bool is_own_site(std::string_view site) {
    return rules::iequals(site, "same-origin") || rules::iequals(site, "none");
}

/// Host without its port.
std::string_view name_of(std::string_view host) {
    if (host.starts_with('[')) {
        auto const end = host.find(']');
        return host.substr(1, end == std::string_view::npos ? end : end - 1);
    }
    return host.substr(0, host.find(':'));
}

/// An address, or the one name that no name server can make point elsewhere. No browser leaves Host
/// out.
bool is_beyond_rebinding(std::string_view host) {
    if (host.empty()) {
        return true;
    }
    auto const name = name_of(host);
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    return !ec || rules::iequals(name, "localhost");
}

/// No name of the public DNS: whoever could make it point here is inside already.
bool is_private_name(std::string_view host) {
    auto name = name_of(host);
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.find('.') == std::string_view::npos) {
        return true;
    }
    return std::ranges::any_of(
        std::array<std::string_view, 4>{".local", ".internal", ".svc", ".localhost"},
        [&](std::string_view suffix) {
            return name.size() > suffix.size() &&
                   rules::iequals(name.substr(name.size() - suffix.size()), suffix);
        });
}

}  // namespace

std::optional<answer> refuse_strangers_page(http::request_head const& request) {
    auto const site = request.fields.find("Sec-Fetch-Site");
    if (site && !is_own_site(*site)) {
        return failure(403, "a web page of another origin may not read this");
    }
    if (!is_beyond_rebinding(request.host) && !is_private_name(request.host)) {
        return failure(403,
                       "keys, paths and the configuration are for requests to an IP address, "
                       "localhost or a name inside the cluster: a public name in Host may be a "
                       "web page's that has made it point here");
    }
    return std::nullopt;
}

bool equal_in_constant_time(std::string_view secret, std::string_view given) {
    digest a{};
    digest b{};
    return hash(secret, a) && hash(given, b) && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<answer> refuse_unauthorized(http::request_head const& request,
                                          std::string_view token) {
    auto const origin = request.fields.find("Origin");
    auto const site = request.fields.find("Sec-Fetch-Site");
    if ((origin && is_foreign(*origin, request.host)) || (site && !is_own_site(*site))) {
        return failure(403, "a web page of another origin may not use this port");
    }
    if (token.empty()) {
        if (!is_beyond_rebinding(request.host)) {
            return failure(403,
                           "without admin.token this is for requests to an IP address or "
                           "localhost: a name in Host may be a web page's that has made it point "
                           "here");
        }
        return std::nullopt;
    }
    constexpr std::string_view scheme = "Bearer ";
    if (request.fields.count("Authorization") == 1) {
        auto const given = *request.fields.find("Authorization");
        if (rules::iequals(given.substr(0, scheme.size()), scheme) &&
            equal_in_constant_time(token, given.substr(scheme.size()))) {
            return std::nullopt;
        }
    }
    auto refused = failure(401,
                           "this needs the header 'Authorization: Bearer TOKEN' with the "
                           "admin.token of the configuration");
    refused.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"sidecache\"");
    return refused;
}

}  // namespace sidecache::admin
