// Why not a JOSE library: of Debian 12's, cjose 0.6.2.1 and jose 11 know no EdDSA; libjwt 1.10.2
// knows neither EdDSA nor JWKS, and takes the algorithm from the token (its issue 200: an HMAC with
// the public key's text passes); cpp-jwt 1.4 throws and knows no JWKS; rhonabwy 1.1 knows all, over
// GnuTLS: a second TLS library. None of them refuses a name that comes twice. So the format, which
// is small, is read here with Boost.JSON, and every signature is checked by OpenSSL (jwt_key.cpp).
//
// The order is the one of RFC 8725 (section 3.1 on): form, algorithm, key, signature; and only then
// what the claims say.
#include "proxy/identity/jwt.hpp"

#include "proxy/identity/base64url.hpp"
#include "proxy/identity/jwt_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace sidecache::identity {

namespace {

using boost::json::object;

constexpr std::array<std::string_view, jwt_faults> names{"malformed",
                                                         "too_large",
                                                         "encrypted",
                                                         "critical",
                                                         "algorithm",
                                                         "no_key",
                                                         "signature",
                                                         "no_expiry",
                                                         "expired",
                                                         "not_yet",
                                                         "issuer",
                                                         "audience"};

/// The parts of a compact serialisation, still encoded.
struct parts {
    std::string_view signing_input;  // header '.' payload
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

std::variant<parts, jwt_fault> split(std::string_view token) {
    if (token.size() > max_token) {
        return jwt_fault::too_large;
    }
    auto const dots = std::count(token.begin(), token.end(), '.');
    if (dots == 4) {
        return jwt_fault::encrypted;  // RFC 7516 section 3.1
    }
    if (dots != 2) {
        return jwt_fault::malformed;
    }
    auto const first = token.find('.');
    auto const last = token.rfind('.');
    return parts{token.substr(0, last),
                 token.substr(0, first),
                 token.substr(first + 1, last - first - 1),
                 token.substr(last + 1)};
}

std::optional<object> decode_object(std::string_view encoded) {
    auto const text = decode_base64url(encoded);
    return text ? parse_strict_object(*text) : std::nullopt;
}

struct jose_header {
    algorithm alg;
    std::optional<std::string_view> kid;  // into the header object
};

std::variant<jose_header, jwt_fault> read_header(object const& header, algorithm_set allowed) {
    if (header.contains("crit")) {
        return jwt_fault::critical;
    }
    if (header.contains("enc")) {
        return jwt_fault::encrypted;
    }
    auto const* alg = find_string(header, "alg");
    auto const known =
        alg == nullptr ? std::nullopt : parse_algorithm(std::string_view(alg->data(), alg->size()));
    if (!known || !allowed.has(*known)) {
        return jwt_fault::algorithm;
    }
    jose_header out{*known, std::nullopt};
    if (auto const* kid = header.if_contains("kid"); kid != nullptr) {
        if (!kid->is_string()) {
            return jwt_fault::malformed;
        }
        out.kid = std::string_view(kid->get_string().data(), kid->get_string().size());
    }
    return out;
}

bool is_meant(verification_key const& key, jose_header const& header) {
    return key.fits(header.alg) &&
           (key.is_the_only_one || !header.kid || (key.id && *key.id == *header.kid));
}

/// nullopt: signed with one of the keys.
std::optional<jwt_fault> check_signature(parts const& token,
                                         jose_header const& header,
                                         key_set const& keys) {
    auto const signature = decode_base64url(token.signature);
    if (!signature) {
        return jwt_fault::malformed;
    }
    std::size_t tried = 0;
    for (auto const& key : keys.keys) {
        if (tried == max_keys_tried) {
            break;  // what one token may cost is bounded
        }
        if (!is_meant(key, header)) {
            continue;
        }
        ++tried;
        if (key.verifies(header.alg, token.signing_input, *signature)) {
            return std::nullopt;
        }
    }
    return tried == 0 ? jwt_fault::no_key : jwt_fault::signature;
}

/// A NumericDate (RFC 7519 section 2), which may have a fraction, cut to what a clock can show: no
/// number of the wire is ever converted or added to unchecked.
std::optional<double> read_date(boost::json::value const& v) {
    constexpr double year_9999 = 253'402'300'799.0;
    double seconds = 0;
    if (v.is_int64()) {
        seconds = static_cast<double>(v.get_int64());
    } else if (v.is_uint64()) {
        seconds = static_cast<double>(v.get_uint64());
    } else if (v.is_double()) {
        seconds = v.get_double();
    } else {
        return std::nullopt;
    }
    return std::isnan(seconds) ? std::nullopt : std::optional(std::clamp(seconds, 0.0, year_9999));
}

instant to_instant(double seconds) {
    return instant(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

bool is_for(boost::json::value const* aud, std::vector<std::string> const& wanted) {
    auto const is_wanted = [&](boost::json::value const& v) {
        auto const* text = v.if_string();
        return text != nullptr && std::any_of(wanted.begin(), wanted.end(), [&](auto const& w) {
                   return std::string_view(text->data(), text->size()) == w;
               });
    };
    if (aud == nullptr) {
        return false;
    }
    if (auto const* list = aud->if_array()) {
        return std::any_of(list->begin(), list->end(), is_wanted);
    }
    return is_wanted(*aud);
}

/// The first moment at which the claims hold no more, or why they do not hold now.
std::variant<instant, jwt_fault> check_claims(object const& claims,
                                              jwt_policy const& policy,
                                              instant now) {
    auto const* exp = claims.if_contains("exp");
    auto const expires = exp == nullptr ? std::nullopt : read_date(*exp);
    if (!expires) {
        return jwt_fault::no_expiry;
    }
    // Both round to the safe side: a part of a second is not there yet, or over.
    auto const until = to_instant(std::floor(*expires)) + policy.leeway;
    if (now >= until) {
        return jwt_fault::expired;
    }
    if (auto const* nbf = claims.if_contains("nbf"); nbf != nullptr) {
        auto const begins = read_date(*nbf);
        if (!begins || now < to_instant(std::ceil(*begins)) - policy.leeway) {
            return jwt_fault::not_yet;
        }
    }
    if (!policy.issuer.empty()) {
        auto const* iss = find_string(claims, "iss");
        if (iss == nullptr || std::string_view(iss->data(), iss->size()) != policy.issuer) {
            return jwt_fault::issuer;
        }
    }
    if (!policy.audience.empty() && !is_for(claims.if_contains("aud"), policy.audience)) {
        return jwt_fault::audience;
    }
    return until;
}

}  // namespace

std::string_view name(jwt_fault f) {
    return names[static_cast<std::size_t>(f)];
}

std::variant<jwt_claims, jwt_fault> verify_jwt(std::string_view token,
                                               key_set const& keys,
                                               jwt_policy const& policy,
                                               instant now) {
    auto const found = split(token);
    if (auto const* fault = std::get_if<jwt_fault>(&found)) {
        return *fault;
    }
    auto const& encoded = std::get<parts>(found);
    auto const header_object = decode_object(encoded.header);
    if (!header_object) {
        return jwt_fault::malformed;
    }
    auto const header = read_header(*header_object, policy.allowed);
    if (auto const* fault = std::get_if<jwt_fault>(&header)) {
        return *fault;
    }
    if (auto const fault = check_signature(encoded, std::get<jose_header>(header), keys)) {
        return *fault;
    }
    auto payload = decode_base64url(encoded.payload);
    auto const claims = payload ? parse_strict_object(*payload) : std::nullopt;
    if (!claims) {
        return jwt_fault::malformed;
    }
    auto const until = check_claims(*claims, policy, now);
    if (auto const* fault = std::get_if<jwt_fault>(&until)) {
        return *fault;
    }
    return jwt_claims{std::move(*payload), std::get<instant>(until)};
}

}  // namespace sidecache::identity
