#include "proxy/http/hop_by_hop.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::http {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::array protected_names{
    "Host"sv,
    "Authorization"sv,
    "Cookie"sv,
    "Set-Cookie"sv,
    "Cache-Control"sv,
    "Pragma"sv,
    "Vary"sv,
    "ETag"sv,
    "Last-Modified"sv,
    "Date"sv,
    "Age"sv,
    "Expires"sv,
    "Location"sv,
    "Origin"sv,
    "Range"sv,
    "Referer"sv,
    "User-Agent"sv,
    "Via"sv,
    "Forwarded"sv,
    "X-Request-Id"sv,
    "X-Real-IP"sv,
    "traceparent"sv,
    "tracestate"sv,
    "Expect"sv,
    "Cache-Status"sv,
    "WWW-Authenticate"sv,
    "X-HTTP-Method-Override"sv,
    "X-HTTP-Method"sv,
    "X-Method-Override"sv,
};

constexpr std::array protected_prefixes{"Content-"sv, "If-"sv, "Accept"sv, "X-Forwarded-"sv};

template <class Names>
bool among(Names const& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](auto n) { return rules::iequals(n, name); });
}

}  // namespace

bool is_hop_by_hop(std::string_view name) {
    // Every field of every message comes through here: the size decides most.
    auto const is = [&](std::string_view other) { return rules::iequals(name, other); };
    switch (name.size()) {
        case 2:
            return is("TE");
        case 5:
            // Becomes HTTP_PROXY in a CGI environment ("httpoxy").
            return is("Proxy");
        case 7:
            return is("Trailer") || is("Upgrade");
        case 10:
            return is("Connection") || is("Keep-Alive");
        case 14:
            return is("HTTP2-Settings");
        case 16:
            return is("Proxy-Connection");
        case 17:
            return is("Transfer-Encoding");
        case 19:
            // Credentials for a proxy, and this is the last one.
            return is("Proxy-Authorization");
        default:
            return false;
    }
}

bool is_protected(std::string_view name) {
    return among(protected_names, name) ||
           std::any_of(protected_prefixes.begin(), protected_prefixes.end(), [&](auto prefix) {
               return rules::iequals(name.substr(0, prefix.size()), prefix);
           });
}

std::vector<std::string> nominated(field_list const& fields) {
    std::vector<std::string> names;
    fields.for_each([&](std::string_view name, std::string_view value) {
        if (!rules::iequals(name, "Connection")) {
            return;
        }
        for_each_token(value, [&](std::string_view option) {
            if (!is_hop_by_hop(option) && !is_protected(option) &&
                !rules::iequals(option, "close")) {
                names.emplace_back(option);
            }
        });
    });
    return names;
}

void drop_nominated(field_list& fields) {
    auto names = nominated(fields);
    if (!names.empty()) {
        fields.erase_all(std::move(names));
    }
}

void keep_end_to_end(field_list& fields) {
    drop_nominated(fields);
    fields.erase_if(is_hop_by_hop);
}

void end_to_end_response(response_head& head) {
    keep_end_to_end(head.fields);
}

}  // namespace sidecache::http
