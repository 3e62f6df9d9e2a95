#pragma once

#include "proxy/async/task.hpp"
#include "proxy/http/message.hpp"
#include "rules/request.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::upstream {
class client;
}

/// Who is asking, verified (design.md section 2, `identity`).
namespace sidecache::identity {

/// The variables of one verified caller, by the names of `identity.vars`. Immutable; any thread.
class verified {
public:
    explicit verified(std::vector<std::pair<std::string, std::string>> variables);
    verified(verified const&) = delete;
    verified& operator=(verified const&) = delete;

    /// As rules look at them; valid as long as this lives.
    std::span<rules::field const> variables() const { return views_; }

private:
    std::vector<std::pair<std::string, std::string>> const variables_;
    std::vector<rules::field> views_;
};

enum class outcome : std::uint8_t {
    verified,  ///< `who` is asking
    rejected,  ///< these credentials are not good, or tell too little: said by who should know
    failed,    ///< nobody could tell: no answer, or one that makes no sense
};

/// What became of one verification.
struct verdict {
    outcome what = outcome::failed;
    /// Why not: a literal ("status", "timeout", "expired", "signature"). Never a word of the
    /// credentials, nor of what came back.
    std::string_view why;
    /// verified: with a value for each of `identity.vars`.
    std::shared_ptr<verified const> who;
    /// How long it may be believed; not at all when it is 0.
    std::chrono::milliseconds keep{0};
};

/// What a source is asked about. Outlives the call.
struct inquiry {
    /// The request's credential fields (config::credential_fields), and no others.
    http::field_list credentials;
    std::string host;
    std::string request_id;
    upstream::client& upstream;
};

/// One way to verify. Any thread: called by several workers at once, by each for other credentials.
class source {
public:
    virtual ~source() = default;
    /// Turns credentials into variables, or says why not. Never throws. Bounded in time. Neither
    /// keeps nor logs a credential.
    virtual task<verdict> verify(inquiry const& about) = 0;
    /// Whether credentials, as long as they are good, cannot come to mean another caller: a signed
    /// token cannot, a session may.
    virtual bool is_fixed() const = 0;
};

}  // namespace sidecache::identity
