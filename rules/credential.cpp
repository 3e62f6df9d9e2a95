#include "rules/credential.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace sidecache::rules {

namespace {

struct free_context {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};
struct free_digest {
    void operator()(EVP_MD* d) const { EVP_MD_free(d); }
};

}  // namespace

bool has_field(std::span<field const> fields, std::span<std::string const> names) {
    return std::ranges::any_of(fields, [&](field const& f) {
        return std::ranges::any_of(names, [&](auto const& name) { return iequals(f.name, name); });
    });
}

// For each field line: which of the names, the value's length as 8 bytes big-endian, the value. A
// scope stands at the end as one that no name has.
std::optional<credential_hash> hash_credential(std::span<field const> fields,
                                               std::span<std::string const> names,
                                               std::string_view scope) {
    // Fetching an algorithm and making a context cost more than the hash itself.
    thread_local std::unique_ptr<EVP_MD, free_digest> const digest(
        EVP_MD_fetch(nullptr, "SHA256", nullptr));
    thread_local std::unique_ptr<EVP_MD_CTX, free_context> const context(EVP_MD_CTX_new());
    bool ok = digest && context && EVP_DigestInit_ex(context.get(), digest.get(), nullptr) == 1;
    auto const begin = [&](std::size_t which, std::size_t length) {
        std::array<unsigned char, 9> head{static_cast<unsigned char>(which)};
        auto size = static_cast<std::uint64_t>(length);
        for (std::size_t i = head.size(); i-- > 1; size >>= 8U) {
            head[i] = static_cast<unsigned char>(size & 0xffU);
        }
        ok = ok && EVP_DigestUpdate(context.get(), head.data(), head.size()) == 1;
    };
    for (std::size_t which = 0; which < names.size(); ++which) {
        for (auto const& f : fields) {
            if (iequals(f.name, names[which])) {
                begin(which, f.value.size());
                ok = ok && EVP_DigestUpdate(context.get(), f.value.data(), f.value.size()) == 1;
            }
        }
    }
    if (!scope.empty()) {
        begin(0xff, scope.size());
        for (char const c : scope) {
            char const lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            ok = ok && EVP_DigestUpdate(context.get(), &lower, 1) == 1;
        }
    }
    credential_hash hash{};
    unsigned size = 0;
    static_assert(sizeof hash <= EVP_MAX_MD_SIZE);
    if (!ok || EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1 || size != hash.size()) {
        return std::nullopt;
    }
    return hash;
}

}  // namespace sidecache::rules
