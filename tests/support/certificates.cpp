#include "tests/support/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace sidecache::tests {
namespace {

template <auto Free>
struct freed {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed<BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed<X509_EXTENSION_free>>;

void require(bool fine, char const* what) {
    if (!fine) {
        throw std::runtime_error(std::string("OpenSSL: ") + what);
    }
}

template <class Write>
std::string pem(Write const& write) {
    bio_ptr const out(BIO_new(BIO_s_mem()));
    require(write(out.get()) == 1, "writing PEM");
    char* bytes = nullptr;
    auto const n = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(n)};
}

void add(X509* to, X509* issuer, int what, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    extension_ptr const extension(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
    require(extension != nullptr, value.c_str());
    require(X509_add_ext(to, extension.get(), -1) == 1, value.c_str());
}

certificate_ptr blank(std::string const& name, EVP_PKEY* key, X509* issuer, bool is_expired) {
    static std::atomic<long> serial{1};
    constexpr long hour = 3600;
    certificate_ptr made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -2 * hour);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), is_expired ? -hour : 24 * hour);
    X509_set_pubkey(made.get(), key);
    auto* const subject = X509_get_subject_name(made.get());
    auto const* const bytes = reinterpret_cast<unsigned char const*>(name.c_str());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, bytes, -1, -1, 0);
    X509_set_issuer_name(made.get(), issuer != nullptr ? X509_get_subject_name(issuer) : subject);
    return made;
}

void sign(X509* certificate, EVP_PKEY* key) {
    require(X509_sign(certificate, key, EVP_sha256()) > 0, "signing");
}

}  // namespace

struct certificate_authority::impl {
    key_ptr key{EVP_EC_gen("P-256")};
    certificate_ptr certificate;
    std::string file;
};

certificate_authority::certificate_authority(std::string name) : impl_(std::make_unique<impl>()) {
    auto& own = *impl_;
    own.certificate = blank(name, own.key.get(), nullptr, false);
    auto* const raw = own.certificate.get();
    add(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
    add(raw, raw, NID_subject_key_identifier, "hash");
    sign(raw, own.key.get());
    own.file = folder_.write("ca.pem", pem([&](BIO* out) { return PEM_write_bio_X509(out, raw); }));
}

certificate_authority::~certificate_authority() = default;

std::string certificate_authority::file() const {
    return impl_->file;
}

certificate_files certificate_authority::issue(subject const& s) const {
    key_ptr const key(EVP_EC_gen("P-256"));
    require(key != nullptr, "making a key");
    auto* const issuer = impl_->certificate.get();
    auto const made = blank(s.name, key.get(), issuer, s.is_expired);
    add(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    if (!s.alternatives.empty()) {
        std::string all;
        for (auto const& a : s.alternatives) {
            all += (all.empty() ? "" : ",") + a;
        }
        add(made.get(), issuer, NID_subject_alt_name, all);
    }
    sign(made.get(), impl_->key.get());
    auto const certificate = pem([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); });
    auto const private_key = pem([&](BIO* out) {
        return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return {folder_.write(s.name + ".pem", certificate),
            folder_.write(s.name + ".key", private_key)};
}

}  // namespace sidecache::tests
