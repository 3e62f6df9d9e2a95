#pragma once

#include "rules/definition.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// Who is asking, verified (design.md section 2, `identity`).
namespace sidecache::config {

/// The backend is asked, with the caller's own credentials.
struct probe {
    std::string path;  // origin-form: /me
    /// The fields that hold credentials: they are what is sent, and what an answer is kept by.
    std::vector<std::string> forward{"Authorization", "Cookie"};
    /// Authorization or Cookie, where it may come without being forwarded because the backend never
    /// goes by it.
    std::vector<std::string> ignore;
    std::chrono::milliseconds ttl{30'000};          // of a verified identity
    std::chrono::milliseconds negative_ttl{2'000};  // of 'not verified'
    std::chrono::milliseconds timeout{2'000};       // of the whole sub-request
    std::size_t max = 10'000;                       // credentials remembered
    /// The same credential never becomes another identity's.
    bool fixed = false;

    bool operator==(probe const&) const = default;
};

/// A signed token is verified here.
struct jwt {
    std::string jwks_file;    // either this
    std::string secret_file;  // or this
    rules::position file_at;  // of whichever is given: its keys are read after the configuration
    /// Empty: those that the kind of each key allows.
    std::vector<std::string> algorithms;
    std::string issuer;                        // empty: any
    std::vector<std::string> audience;         // empty: any; else one of them
    std::chrono::milliseconds leeway{30'000};  // clock skew
    std::string header = "Authorization";      // with the scheme Bearer
    /// Authorization or Cookie, where it may come beside the token because the backend never goes
    /// by it.
    std::vector<std::string> ignore;

    bool operator==(jwt const&) const = default;
};

/// `orgId: response.organizationId`: a variable, and where the answer or the token holds it.
struct identity_variable {
    std::string name;
    /// Below `response` or `claims`, as rules::json_path reads it: ".organizationId".
    std::string path;

    bool operator==(identity_variable const&) const = default;
};

struct identity {
    // Exactly one of the two.
    std::optional<config::probe> probe;
    std::optional<config::jwt> jwt;
    std::vector<identity_variable> vars;

    bool operator==(identity const&) const = default;
};

/// The fields that hold credentials: those that `of` verifies callers by, and Authorization and
/// Cookie as well, unless the backend never goes by them: a session beside a token could be what
/// it goes by.
std::vector<std::string> credential_fields(identity const& of);

}  // namespace sidecache::config
