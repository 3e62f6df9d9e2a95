#include "proxy/admin/guard.hpp"

#include "proxy/admin/answer.hpp"
#include "proxy/http/message.hpp"

namespace sidecache::admin {

namespace {

bool is_foreign(std::string_view origin, std::string_view host) {
    auto const scheme = origin.find("://");
    return scheme == std::string_view::npos || !rules::iequals(origin.substr(scheme + 3), host);
}

}  // namespace

bool equal_in_constant_time(std::string_view secret, std::string_view given) {
    // Every byte of `given` is looked at, whatever was found; volatile keeps the compiler from
    // leaving the loop early.
    volatile unsigned char different = secret.size() == given.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i) {
        auto const expected = secret.empty() ? '\0' : secret[i % secret.size()];
        different = static_cast<unsigned char>(different | (static_cast<unsigned char>(expected) ^
                                                            static_cast<unsigned char>(given[i])));
    }
    return different == 0;
}

std::optional<answer> refuse_unauthorized(http::request_head const& request,
                                          std::string_view token) {
    auto const origin = request.fields.find("Origin");
    if (origin && is_foreign(*origin, request.host)) {
        return failure(403, "a web page of another origin may not use this port");
    }
    if (token.empty()) {
        return std::nullopt;
    }
    constexpr std::string_view scheme = "Bearer ";
    auto const authorization = request.fields.find("Authorization");
    if (authorization && authorization->size() > scheme.size() &&
        rules::iequals(authorization->substr(0, scheme.size()), scheme) &&
        equal_in_constant_time(token, authorization->substr(scheme.size()))) {
        return std::nullopt;
    }
    auto refused = failure(401,
                           "this needs the header 'Authorization: Bearer TOKEN' with the "
                           "admin.token of the configuration");
    refused.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"sidecache\"");
    return refused;
}

}  // namespace sidecache::admin
