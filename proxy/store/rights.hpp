#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The rights that a Redis user needs to be used by sidecache (config/redis.md lists them), tried
/// out: who lacks one should be told at start which, not at the first write.
namespace sidecache::store {

/// How many commands `append_rights_probe` appends.
std::size_t rights_probe_size();
/// Appends each command that is ever sent, on keys below `sidecache:rights:NONCE` that are gone
/// afterwards. Anything but NOPERM is a fine reply.
void append_rights_probe(std::string& out, std::string_view nonce);
/// The word for its `i`-th reply, or empty: that right is there. `error`: the reply's text where
/// it is an error.
std::string missing_right(std::size_t i, std::string_view error);

}  // namespace sidecache::store
