#include "proxy/identity/jwt_source.hpp"

#include "proxy/telemetry/log.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace sidecache::identity {

namespace {

using std::chrono::milliseconds;

verdict refused(std::string_view why) {
    log::debug("token refused", {{"why", why}});
    verdict out;
    out.what = outcome::rejected;
    out.why = why;
    out.keep = keep_refusal;
    return out;
}

/// `Bearer TOKEN` (RFC 6750 section 2.1): the scheme in any case (RFC 9110 section 11.1), one or
/// more spaces, the token and nothing behind it.
std::optional<std::string_view> bearer_token(std::string_view value) {
    constexpr std::string_view scheme = "Bearer";
    if (value.size() <= scheme.size() || !rules::iequals(value.substr(0, scheme.size()), scheme) ||
        value[scheme.size()] != ' ') {
        return std::nullopt;
    }
    auto const begin = value.find_first_not_of(' ', scheme.size());
    return begin == std::string_view::npos ? std::nullopt : std::optional(value.substr(begin));
}

}  // namespace

jwt_source::jwt_source(config::jwt const& from,
                       std::vector<config::identity_variable> const& vars,
                       std::shared_ptr<key_ring const> keys,
                       wall_clock clock)

    : header_(from.header), variables_(vars), keys_(std::move(keys)), clock_(std::move(clock)) {
    policy_.allowed = allowed_algorithms(from);
    policy_.issuer = from.issuer;
    policy_.audience = from.audience;
    policy_.leeway = std::chrono::duration_cast<std::chrono::seconds>(from.leeway);
}

task<verdict> jwt_source::verify(inquiry const& about) {
    co_return judge(about.credentials);
}

verdict jwt_source::judge(http::field_list const& credentials) const {
    std::size_t tokens = 0;
    for (auto const& field : credentials.all()) {
        tokens += rules::iequals(field.name, header_) ? 1 : 0;
    }
    if (tokens == 0) {
        return refused("no_token");
    }
    // With a second token, or a session beside it, nobody can say whom the backend goes by.
    if (credentials.all().size() != 1) {
        return refused("other_credential");
    }
    auto const token = bearer_token(credentials.all().front().value);
    if (!token) {
        return refused("no_token");
    }
    auto const now = clock_();
    auto const keys = keys_->keys();
    auto const checked =
        verify_jwt(*token, *keys, policy_, std::chrono::floor<std::chrono::seconds>(now));
    if (auto const* fault = std::get_if<jwt_fault>(&checked)) {
        return refused(name(*fault));
    }
    auto const& claims = std::get<jwt_claims>(checked);
    verdict out;
    out.who = variables_.read(claims.text);
    if (!out.who) {
        return refused("missing_claim");
    }
    out.what = outcome::verified;
    // Not a moment beyond its exp.
    out.keep = std::min(keep_token, std::chrono::floor<milliseconds>(claims.until - now));
    return out;
}

}  // namespace sidecache::identity
