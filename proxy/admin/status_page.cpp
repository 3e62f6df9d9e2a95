#include "proxy/admin/status_page.hpp"

#include "proxy/admin/status_page_source.hpp"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <string>
#include <string_view>

namespace sidecache::admin {

namespace {

/// 'sha256-...' of a style or script as a browser computes it (CSP level 3 section 2.3.1).
std::string source_hash(std::string_view source) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(source.data(), source.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::array<unsigned char, 2UL * EVP_MAX_MD_SIZE> text{};
    auto const n = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
    return "'sha256-" + std::string(text.begin(), text.begin() + n) + "'";
}

std::string policy() {
    return "default-src 'none'; connect-src 'self'; img-src data:; style-src " +
           source_hash(page::style) + "; script-src " + source_hash(page::script) +
           "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
           "require-trusted-types-for 'script'; trusted-types 'none'";
}

/// The source with `what` in the place that says so.
void insert(std::string& into, std::string_view place, std::string_view what) {
    auto const at = into.find(place);
    assert(at != std::string::npos && "status_page.html has a place for its style and its script");
    into.replace(at, place.size(), what);
}

std::string content_of_page() {
    std::string out(page::html);
    insert(out, "/* status_page.css */", page::style);
    insert(out, "/* *.js */", page::script);
    return out;
}

}  // namespace

answer status_page() {
    static std::string const content = content_of_page();
    static std::string const security = policy();
    return answer{200,
                  "text/html; charset=utf-8",
                  content,
                  {{"Content-Security-Policy", security},
                   {"Cross-Origin-Opener-Policy", "same-origin"},
                   {"Referrer-Policy", "no-referrer"},
                   {"X-Frame-Options", "DENY"}}};
}

}  // namespace sidecache::admin
