#include "rules/partition.hpp"

#include "rules/escape.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>

namespace sidecache::rules {

namespace {

constexpr std::array<std::string_view, 2> credential_fields{"Authorization", "Cookie"};

bool has_credential(request const& r) {
    for (auto const& f : r.fields) {
        for (auto const name : credential_fields) {
            if (iequals(f.name, name)) {
                return true;
            }
        }
    }
    return false;
}

struct free_context {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};
struct free_digest {
    void operator()(EVP_MD* d) const { EVP_MD_free(d); }
};

/// SHA-256 over each Authorization and Cookie line: one byte that says which, the value's length as
/// 8 bytes big-endian, the value. So no two different sets of values have one text.
/// False when there is no such hash to be had: then nobody may share anything.
bool append_credential(std::string& out, request const& r) {
    // Fetching an algorithm and making a context cost more than the hash itself.
    thread_local std::unique_ptr<EVP_MD, free_digest> const digest(
        EVP_MD_fetch(nullptr, "SHA256", nullptr));
    thread_local std::unique_ptr<EVP_MD_CTX, free_context> const context(EVP_MD_CTX_new());
    bool ok = digest && context && EVP_DigestInit_ex(context.get(), digest.get(), nullptr) == 1;
    for (std::size_t which = 0; which < credential_fields.size(); ++which) {
        for (auto const& f : r.fields) {
            if (!iequals(f.name, credential_fields[which])) {
                continue;
            }
            std::array<unsigned char, 9> head{static_cast<unsigned char>(which)};
            auto size = static_cast<std::uint64_t>(f.value.size());
            for (std::size_t i = head.size(); i-- > 1; size >>= 8U) {
                head[i] = static_cast<unsigned char>(size & 0xffU);
            }
            ok = ok && EVP_DigestUpdate(context.get(), head.data(), head.size()) == 1 &&
                 EVP_DigestUpdate(context.get(), f.value.data(), f.value.size()) == 1;
        }
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    if (!ok || EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1) {
        return false;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < 16; ++i) {
        out += digits[hash[i] >> 4U];
        out += digits[hash[i] & 15U];
    }
    return true;
}

}  // namespace

bool append_partition(std::string& out, partition const& p, request const& r) {
    switch (p.what) {
        case partition_definition::kind::none:
            return true;
        case partition_definition::kind::credential:
            if (has_credential(r)) {
                out += "|credential=";
                return append_credential(out, r);
            }
            return true;
        case partition_definition::kind::identity:
            if (!r.identity) {
                return false;
            }
            for (auto const& name : p.needed) {
                bool found = false;
                for (auto const& f : *r.identity) {
                    found = found || f.name == name;
                }
                if (!found) {
                    return false;
                }
            }
            for (auto const& name : p.suffix_names) {
                for (auto const& f : *r.identity) {
                    if (f.name == name) {
                        out += '|';
                        out += name;
                        out += '=';
                        append_escaped(out, f.value);
                        break;
                    }
                }
            }
            return true;
    }
    return false;
}

std::string sharing(partition const& p, request const& r) {
    switch (p.what) {
        case partition_definition::kind::none:
            return "everybody (`partition: none`)";
        case partition_definition::kind::credential:
            return has_credential(r) ? "requests with the same Authorization and Cookie"
                                     : "requests without Authorization and Cookie";
        case partition_definition::kind::identity: {
            std::string out = "requests whose verified identity has the same ";
            for (auto const& name : p.needed) {
                out += (&name == &p.needed.front() ? "" : ", ") + name;
            }
            return out;
        }
    }
    return "";
}

}  // namespace sidecache::rules
