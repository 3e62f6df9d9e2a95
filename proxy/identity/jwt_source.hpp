#pragma once

#include "config/identity.hpp"
#include "proxy/identity/jwt.hpp"
#include "proxy/identity/key_ring.hpp"
#include "proxy/identity/source.hpp"
#include "proxy/identity/variable_reader.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::identity {

/// How long a verified token is believed before it is looked at again, and one that was refused.
/// Short, since looking costs some tens of microseconds: a wall clock that was set is soon noticed.
inline constexpr std::chrono::milliseconds keep_token{60'000};
inline constexpr std::chrono::milliseconds keep_refusal{2'000};

/// Tokens of which something is remembered.
inline constexpr std::size_t max_tokens = 10'000;

/// What a wall clock shows; tests give their own.
using wall_clock = std::function<std::chrono::system_clock::time_point()>;

/// `identity.jwt`: a token in a header field, verified here with the keys of a file. Never
/// suspends.
class jwt_source final : public source {
public:
    jwt_source(config::jwt const& from,
               std::vector<config::identity_variable> const& vars,
               std::shared_ptr<key_ring const> keys,
               wall_clock clock = std::chrono::system_clock::now);

    task<verdict> verify(inquiry const& about) override;
    bool is_fixed() const override { return true; }

    /// The same without a coroutine: what the fields of one request are worth at this moment.
    verdict judge(http::field_list const& credentials) const;

private:
    std::string const header_;
    jwt_policy policy_;
    variable_reader variables_;
    std::shared_ptr<key_ring const> const keys_;
    wall_clock const clock_;
};

}  // namespace sidecache::identity
