#include "proxy/identity/jwt_algorithm.hpp"

#include <algorithm>

namespace sidecache::identity {

namespace {

constexpr std::array<algorithm_facts, algorithms> table{{
    {algorithm::hs256, "HS256", key_kind::secret, 32},
    {algorithm::hs384, "HS384", key_kind::secret, 48},
    {algorithm::hs512, "HS512", key_kind::secret, 64},
    {algorithm::rs256, "RS256", key_kind::rsa, 32},
    {algorithm::rs384, "RS384", key_kind::rsa, 48},
    {algorithm::rs512, "RS512", key_kind::rsa, 64},
    {algorithm::ps256, "PS256", key_kind::rsa, 32},
    {algorithm::ps384, "PS384", key_kind::rsa, 48},
    {algorithm::ps512, "PS512", key_kind::rsa, 64},
    {algorithm::es256, "ES256", key_kind::p256, 32},
    {algorithm::es384, "ES384", key_kind::p384, 48},
    {algorithm::eddsa, "EdDSA", key_kind::ed25519, 0},
    {algorithm::ed25519, "Ed25519", key_kind::ed25519, 0},
}};

consteval bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].id) != i) {
            return false;
        }
    }
    return true;
}
static_assert(in_order(), "the table is indexed by algorithm");

}  // namespace

std::span<algorithm_facts const, algorithms> known_algorithms() {
    return table;
}

algorithm_facts const& facts(algorithm a) {
    return table[static_cast<std::size_t>(a)];
}

std::optional<algorithm> parse_algorithm(std::string_view name) {
    auto const found =
        std::find_if(table.begin(), table.end(), [&](auto const& f) { return f.name == name; });
    return found == table.end() ? std::nullopt : std::optional(found->id);
}

}  // namespace sidecache::identity
