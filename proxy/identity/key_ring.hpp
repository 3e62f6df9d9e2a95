#pragma once

#include "config/identity.hpp"
#include "proxy/identity/jwks.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

namespace sidecache::identity {

/// The algorithms that the configuration allows; empty: all that are known, since a key meets none
/// but those of its own type.
algorithm_set allowed_algorithms(config::jwt const& from);

/// The keys of `jwks_file` or `secret_file`, read again when the file changes.
///
/// Changes are found by reading the file and comparing its bytes, which for a few kilobytes a
/// second is cheaper than being clever: nothing is missed, whether the file was written to,
/// replaced, or reached through a symbolic link that now leads elsewhere (which is how Kubernetes
/// swaps a mounted Secret), on any file system, whatever its timestamps say.
class key_ring {
public:
    /// Looks at the file for the first time. Without a file that can be used there are no keys, and
    /// nobody is verified until there is one.
    explicit key_ring(config::jwt const& from);
    key_ring(key_ring const&) = delete;
    key_ring& operator=(key_ring const&) = delete;

    /// The keys of now, never null. Any thread.
    std::shared_ptr<key_set const> keys() const;

    enum class change : std::uint8_t {
        none,    ///< as it was, or as broken as it was when that was said
        taken,   ///< `keys` are new
        broken,  ///< it cannot be used: `keys` go on, and `error` says why
    };
    /// Looks at the file. One thread; blocks for as long as reading it takes.
    change look();
    /// Why what the file held when it was last looked at is not used; nullopt: it is. For the
    /// thread that calls `look`.
    std::optional<key_error> const& error() const { return error_; }

    std::string const& file() const { return file_; }

private:
    std::variant<key_set, key_error> parse(std::string const& text) const;

    std::string const file_;
    bool const is_secret_;
    algorithm_set const wanted_;  // of a secret
    // What the file held when it was last looked at; nullopt: it could not be read.
    std::optional<std::string> seen_;
    std::optional<key_error> error_;
    mutable std::mutex mutex_;
    std::shared_ptr<key_set const> keys_;
};

}  // namespace sidecache::identity
