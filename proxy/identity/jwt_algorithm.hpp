#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace sidecache::identity {

/// What a key is: an algorithm works with one kind only, which is what makes an RSA key's public
/// text useless as an HMAC secret.
enum class key_kind : std::uint8_t { secret, rsa, p256, p384, ed25519 };

/// Signature algorithms of RFC 7518 section 3.1, RFC 8037 and RFC 9864 that are known. `none` is
/// not one of them.
enum class algorithm : std::uint8_t {
    hs256,
    hs384,
    hs512,
    rs256,
    rs384,
    rs512,
    ps256,
    ps384,
    ps512,
    es256,
    es384,
    eddsa,
    ed25519,  ///< the same signature as eddsa, under the name of RFC 9864
};
inline constexpr std::size_t algorithms = 13;

struct algorithm_facts {
    algorithm id;
    std::string_view name;  // as in `alg`; case counts
    key_kind key;
    /// Bytes of the digest; also the least size of a secret (RFC 7518 section 3.2). 0: the
    /// algorithm has its own.
    std::size_t digest;
};

/// In the order of `algorithm`.
std::span<algorithm_facts const, algorithms> known_algorithms();
algorithm_facts const& facts(algorithm a);
std::optional<algorithm> parse_algorithm(std::string_view name);

/// Some of the algorithms.
class algorithm_set {
public:
    constexpr algorithm_set() = default;
    constexpr algorithm_set(std::initializer_list<algorithm> some) {
        for (auto const a : some) {
            add(a);
        }
    }
    constexpr void add(algorithm a) { bits_ |= bit(a); }
    constexpr bool has(algorithm a) const { return (bits_ & bit(a)) != 0; }
    constexpr bool is_empty() const { return bits_ == 0; }

private:
    static constexpr std::uint32_t bit(algorithm a) { return 1U << static_cast<unsigned>(a); }
    std::uint32_t bits_ = 0;
};

}  // namespace sidecache::identity
