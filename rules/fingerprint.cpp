#include "rules/fingerprint.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace sidecache::rules {

namespace {

/// Length before text, so that no two definitions have one spelling.
void add(std::string& out, std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

void add(std::string& out, std::vector<variable_definition> const& vars) {
    add(out, std::to_string(vars.size()));
    for (auto const& v : vars) {
        add(out, v.name.value);
        add(out, v.from.value);
        add(out, v.fallback ? "=" + *v.fallback : "");
    }
}

void add(std::string& out, std::vector<located<std::string>> const& texts) {
    add(out, std::to_string(texts.size()));
    for (auto const& t : texts) {
        add(out, t.value);
    }
}

}  // namespace

std::string fingerprint_of(definition const& text) {
    // The number counts changes of how tags are made from one and the same definition.
    std::string all = "sidecache tags 1\n";
    for (auto const& r : text.rules) {
        add(all, "rule");
        add(all, r.name.value);
        add(all, r.match.value);
        add(all, r.key.value);
        add(all, r.vars);
        if (r.origin) {
            add(all, "origin, groups");
        }
    }
    for (auto const& p : text.purges) {
        add(all, "purge");
        add(all, p.name.value);
        add(all, p.on);
        add(all, p.vars);
        add(all, p.patterns);
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    if (EVP_Digest(all.data(), all.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("SHA-256 is not available");  // start-up only
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        out += digits[hash[i] >> 4U];
        out += digits[hash[i] & 15U];
    }
    return out;
}

}  // namespace sidecache::rules
