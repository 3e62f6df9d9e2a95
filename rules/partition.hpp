#pragma once

#include "rules/definition.hpp"
#include "rules/request.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules {

/// A rule's partition, compiled: who may share an entry (design.md section 2).
struct partition {
    partition_definition::kind what = partition_definition::kind::credential;
    /// The fields that make a request one of somebody: Authorization, Cookie, and whatever else
    /// this configuration verifies callers by.
    std::vector<std::string> credential_fields{"Authorization", "Cookie"};
    /// Those, and further fields that tell callers apart (caller_field.hpp) unless the rule's key
    /// holds them or the backend does not get them: under `credential` a request that has one of
    /// them shares by all of them.
    std::vector<std::string> all_fields{"Authorization", "Cookie"};
    /// Fields by which a client says who it is, or for whom it asks, and by which nobody was
    /// verified: with one of them a request shares inside no identity.
    std::vector<std::string> unverified_fields;
    /// Names of identity variables that end up behind '|': those that no variable of the key has
    /// as its source already.
    std::vector<std::string> suffix_names;
    /// Every identity variable that the rule needs.
    std::vector<std::string> needed;
};

/// Appends what stands behind the key: "|credential=<32 hex digits of SHA-256>", "|orgId=7",
/// nothing. False when the identity that it needs is not verified. Allocates only when `out` grows
/// (a hash context is kept per thread).
bool append_partition(std::string& out, partition const& p, request const& r);

/// The partition in words, for `explain`.
std::string sharing(partition const& p, request const& r);

}  // namespace sidecache::rules
