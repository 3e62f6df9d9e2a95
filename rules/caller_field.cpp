#include "rules/caller_field.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace sidecache::rules {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t longest = 40;

/// The client's own first.
constexpr std::array names{
    // keys and tokens
    "X-Api-Key"sv,
    "Api-Key"sv,
    "ApiKey"sv,
    "X-Api-Token"sv,
    "X-Auth-Token"sv,
    "X-Auth-Key"sv,
    "Auth-Token"sv,
    "X-Access-Token"sv,
    "Access-Token"sv,
    "X-Token"sv,
    "Token"sv,
    "X-Id-Token"sv,
    "X-Session"sv,
    "X-Session-Id"sv,
    "X-Session-Token"sv,
    "X-Authorization"sv,
    "X-Amz-Security-Token"sv,
    "X-Vault-Token"sv,
    "Private-Token"sv,
    "Job-Token"sv,
    "X-Shopify-Access-Token"sv,
    "Ocp-Apim-Subscription-Key"sv,
    "X-Functions-Key"sv,
    "X-Goog-Api-Key"sv,
    "api_key"sv,
    "access_token"sv,
    "auth_token"sv,
    "session_token"sv,
    // whom it wants to be
    "Impersonate-User"sv,
    "X-Impersonate-User"sv,
    "X-Act-As"sv,
    "X-On-Behalf-Of"sv,
    "X-Run-As"sv,
    "X-Sudo"sv,
    "Sudo"sv,
    "X-User"sv,
    "X-User-Id"sv,
    "X-Username"sv,
    "X-User-Name"sv,
    "X-User-Email"sv,
    "X-User-Role"sv,
    "X-User-Roles"sv,
    "X-Role"sv,
    "X-Roles"sv,
    // for which tenant
    "X-Tenant"sv,
    "X-Tenant-Id"sv,
    "Tenant-Id"sv,
    "X-Org"sv,
    "X-Org-Id"sv,
    "X-Organization"sv,
    "X-Organization-Id"sv,
    "X-Organisation-Id"sv,
    "X-Account"sv,
    "X-Account-Id"sv,
    "X-Workspace"sv,
    "X-Workspace-Id"sv,
    "X-Team-Id"sv,
    "X-Company-Id"sv,
    "X-Customer-Id"sv,
    "X-Shop-Id"sv,
    "X-Store-Id"sv,
    "X-Project-Id"sv,
    // of gateways
    "X-Forwarded-User"sv,
    "X-Forwarded-Email"sv,
    "X-Forwarded-Groups"sv,
    "X-Forwarded-Preferred-Username"sv,
    "X-Forwarded-Access-Token"sv,
    "X-Forwarded-Client-Cert"sv,
    "X-Auth-Request-User"sv,
    "X-Auth-Request-Email"sv,
    "X-Auth-Request-Groups"sv,
    "X-Auth-Request-Preferred-Username"sv,
    "X-Auth-Request-Access-Token"sv,
    "X-Remote-User"sv,
    "Remote-User"sv,
    "X-Webauth-User"sv,
    "X-Authenticated-User"sv,
    "X-Authenticated-Userid"sv,
    "X-Consumer-Id"sv,
    "X-Consumer-Username"sv,
    "X-Consumer-Custom-Id"sv,
    "X-Credential-Identifier"sv,
    "X-Userinfo"sv,
    "X-Endpoint-Api-Userinfo"sv,
    "X-Apigateway-Api-Userinfo"sv,
    "X-Jwt-Assertion"sv,
    "X-Jwt-Payload"sv,
    "X-Amzn-Oidc-Data"sv,
    "X-Amzn-Oidc-Identity"sv,
    "X-Amzn-Oidc-Accesstoken"sv,
    "Cf-Access-Jwt-Assertion"sv,
    "Cf-Access-Authenticated-User-Email"sv,
    "X-Goog-Iap-Jwt-Assertion"sv,
    "X-Goog-Authenticated-User-Id"sv,
    "X-Goog-Authenticated-User-Email"sv,
    "X-Ms-Client-Principal"sv,
    "X-Ms-Client-Principal-Id"sv,
    "X-Ms-Client-Principal-Name"sv,
    "X-Ms-Token-Aad-Access-Token"sv,
    "X-Ms-Token-Aad-Id-Token"sv,
    "Tailscale-User-Login"sv,
    "X-Client-Cert"sv,
    "X-Client-Dn"sv,
    "Ssl-Client-Cert"sv,
    "X-Ssl-Client-Cert"sv,
    "X-Ssl-Client-Dn"sv,
    "X-Ssl-Client-S-Dn"sv,
    "X-Ssl-Client-Verify"sv,
};

struct known {
    std::string_view name;
    caller_field what = caller_field::none;
};

constexpr auto first_told = "X-Forwarded-User"sv;

/// By length, so that a name is compared with the few that are as long.
constexpr auto by_length = [] {
    std::array<known, names.size()> out{};
    auto what = caller_field::clients;
    for (std::size_t i = 0; i < names.size(); ++i) {
        what = names[i] == first_told ? caller_field::told : what;
        out[i] = {names[i], what};
    }
    std::ranges::sort(out, {}, [](known const& k) { return k.name.size(); });
    return out;
}();
static_assert(by_length.back().name.size() <= longest);

/// The first of each length.
constexpr auto first_of_length = [] {
    std::array<std::uint8_t, longest + 2> out{};
    static_assert(names.size() < 256);
    for (std::size_t length = 0; length < out.size(); ++length) {
        out[length] = static_cast<std::uint8_t>(
            std::ranges::count_if(names, [&](auto n) { return n.size() < length; }));
    }
    return out;
}();

constexpr std::uint32_t initial(std::string_view name) {
    return name.empty() ? 0U : 1U << (static_cast<unsigned char>(name.front()) & 31U);
}

/// With which letters the names of each length begin, a bit a letter: most fields end here.
constexpr auto initials_of_length = [] {
    std::array<std::uint32_t, longest + 1> out{};
    for (auto const name : names) {
        out[name.size()] |= initial(name);
    }
    return out;
}();

/// Whether one of the eight bytes is that one.
constexpr bool holds(std::uint64_t bytes, char c) {
    constexpr std::uint64_t ones = 0x0101010101010101ULL;
    auto const zeroed = bytes ^ (ones * static_cast<unsigned char>(c));
    return ((zeroed - ones) & ~zeroed & (ones << 7U)) != 0;
}

/// The name in the table; null: none.
known const* find(std::string_view name) {
    if (name.size() > longest || (initials_of_length[name.size()] & initial(name)) == 0) {
        return nullptr;
    }
    auto const end = first_of_length[name.size() + 1];
    for (std::size_t i = first_of_length[name.size()]; i < end; ++i) {
        if (iequals(by_length[i].name, name)) {
            return &by_length[i];
        }
    }
    return nullptr;
}

}  // namespace

caller_field caller_field_of(std::string_view name) {
    auto const* const found = find(name);
    return found == nullptr ? caller_field::none : found->what;
}

std::span<std::string_view const> known_caller_fields() {
    return names;
}

bool names_caller(std::span<field const> fields) {
    return std::ranges::any_of(fields, [](field const& f) { return find(f.name) != nullptr; });
}

bool is_plain_name(std::string_view name) {
    std::uint64_t bytes = 0;
    if (name.size() < sizeof bytes) {
        return std::ranges::none_of(name, [](char c) { return c == '_' || c == '.'; });
    }
    // Eight at a time, the last eight once more where they overlap.
    for (std::size_t at = 0; at < name.size(); at += sizeof bytes) {
        std::memcpy(&bytes, name.data() + std::min(at, name.size() - sizeof bytes), sizeof bytes);
        if (holds(bytes, '_') || holds(bytes, '.')) {
            return false;
        }
    }
    return true;
}

}  // namespace sidecache::rules
