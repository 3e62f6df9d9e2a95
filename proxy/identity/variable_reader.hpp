#pragma once

#include "config/identity.hpp"
#include "proxy/identity/source.hpp"
#include "rules/json_path.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::identity {

/// Longest value of an identity's variable: it becomes part of keys.
inline constexpr std::size_t max_variable = 1'024;

/// `identity.vars`: what is taken out of an answer or of a token's claims. Immutable; any thread.
class variable_reader {
public:
    /// REQUIRES: paths that rules::json_path reads, as config::load has checked.
    explicit variable_reader(std::vector<config::identity_variable> const& vars);

    /// Null unless each variable has exactly one value, and that one is neither empty nor longer
    /// than `max_variable`: who has no organization does not share with others who have none.
    std::shared_ptr<verified const> read(std::string_view json) const;

private:
    std::vector<std::string> names_;
    std::vector<rules::json_path> paths_;
};

}  // namespace sidecache::identity
