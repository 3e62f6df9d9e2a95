#include "proxy/store/tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <tuple>
#include <utility>

namespace sidecache::store {

namespace {

namespace ssl = asio::ssl;

std::string openssl_text(unsigned long code) {
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

/// The first thing that OpenSSL has put on its list; the list is empty afterwards.
std::string first_openssl_error() {
    auto const code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) {
        return "unknown error";
    }
    auto const* const reason = ERR_reason_error_string(code);
    return reason != nullptr ? std::string(reason) : openssl_text(code);
}

/// Why a certificate was refused.
std::string verdict_text(long verdict, std::string const& name) {
    switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "the server's certificate, or one that vouches for it, has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "the server's certificate is not valid yet: is a clock wrong?";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the server's certificate is not for " + name +
                   ": name what it is for in store.tls.server_name, if that is the right server";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "the server's certificate is from a CA that is not known here: name the CA's in "
                   "store.tls.ca_file";
        default:
            return std::string("the server's certificate is refused: ") +
                   X509_verify_cert_error_string(verdict);
    }
}

}  // namespace

/// A context, and what it was made for.
struct tls_client::made {
    ssl::context context{ssl::context::tls_client};
};

/// Which versions of the files were read.
struct tls_client::files {
    using version = std::tuple<dev_t, ino_t, off_t, time_t, long>;
    std::array<version, 3> versions{};
    bool operator==(files const&) const = default;

    static version of(std::string const& path) {
        struct stat s{};
        if (path.empty() || ::stat(path.c_str(), &s) != 0) {
            return {};
        }
        return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
    }
};

namespace {

using ssl_stream = ssl::stream<stream_socket>;

class asio_session final : public tls_session, public std::enable_shared_from_this<asio_session> {
public:
    asio_session(stream_socket socket, ssl::context& context, std::shared_ptr<void> keep)
        : keep_(std::move(keep)), stream_(std::move(socket), context) {}

    void read_some(asio::mutable_buffer into, io_handler done) override {
        stream_.async_read_some(into,
                                [self = shared_from_this(), done = std::move(done)](
                                    error_code ec, std::size_t n) mutable { done(ec, n); });
    }
    void write_some(asio::const_buffer from, io_handler done) override {
        stream_.async_write_some(from,
                                 [self = shared_from_this(), done = std::move(done)](
                                     error_code ec, std::size_t n) mutable { done(ec, n); });
    }
    void close() override {
        error_code ignored;
        stream_.next_layer().close(ignored);
    }
    ssl_stream& under() { return stream_; }

private:
    std::shared_ptr<void> keep_;
    ssl_stream stream_;
};

/// What the server's certificate has to name, SNI with it (never an address: RFC 6066 section 3).
bool expect(SSL* on, std::string const& name) {
    error_code not_an_address;
    asio::ip::make_address(name, not_an_address);
    auto* const parameters = SSL_get0_param(on);
    if (!not_an_address) {
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0) == 1 &&
           // The macro SSL_set_tlsext_host_name, without its cast of a literal.
           SSL_ctrl(on,
                    SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(name.c_str())) == 1;
}

std::string handshake_text(error_code ec, long verdict, std::string const& name) {
    if (ec.category() == asio::error::get_ssl_category()) {
        switch (ERR_GET_REASON(static_cast<unsigned long>(ec.value()))) {
            case SSL_R_CERTIFICATE_VERIFY_FAILED:
                return verdict_text(verdict, name);
            case SSL_R_WRONG_VERSION_NUMBER:
            case SSL_R_PACKET_LENGTH_TOO_LONG:
                return "the server does not speak TLS on this port: write redis:// for a plain one";
            default:
                break;
        }
    } else if (ec == asio::error::eof || ec == ssl::error::stream_truncated ||
               ec == asio::error::connection_reset) {
        return "the server closed the connection in the TLS handshake: is it a plain port "
               "(redis://)?";
    }
    return describe_break(ec);
}

}  // namespace

std::string describe_break(error_code ec) {
    if (ec == ssl::error::stream_truncated || ec == asio::error::eof) {
        return "the server closed the connection";
    }
    if (ec.category() != asio::error::get_ssl_category()) {
        return ec.message();
    }
    switch (ERR_GET_REASON(static_cast<unsigned long>(ec.value()))) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
            return "the server wants a certificate of ours, or shares no cipher with us: see "
                   "store.tls.cert_file and key_file";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            return "the server refuses our certificate (store.tls.cert_file): it has expired";
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "the server refuses our certificate (store.tls.cert_file): it does not know its "
                   "CA";
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            return "the server refuses our certificate (store.tls.cert_file)";
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_UNSUPPORTED_PROTOCOL:
            return "the server speaks no TLS that is taken here: 1.2 or later";
        default:
            return "TLS: " + ec.message();
    }
}

tls_client::tls_client(config::store_tls settings) : settings_(std::move(settings)) {}
tls_client::~tls_client() = default;

std::shared_ptr<tls_client::made> tls_client::context(std::string& error) {
    files const now{{files::of(settings_.ca_file),
                     files::of(settings_.cert_file),
                     files::of(settings_.key_file)}};
    std::scoped_lock const guard(mutex_);
    if (present_ && seen_ && *seen_ == now) {
        return present_;
    }
    ERR_clear_error();
    auto next = std::make_shared<made>();
    auto* const raw = next->context.native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    // A key with a passphrase fails: nobody sits at our terminal.
    SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return 0; });
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(raw, settings_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    auto const failed = [&](std::string_view key, std::string const& path) {
        error = std::string(key).append(" (").append(path).append(") cannot be used: ");
        error += first_openssl_error();
        return nullptr;
    };
    if (settings_.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(raw);
    } else if (SSL_CTX_load_verify_file(raw, settings_.ca_file.c_str()) != 1) {
        return failed("store.tls.ca_file", settings_.ca_file);
    }
    if (!settings_.cert_file.empty()) {
        if (SSL_CTX_use_certificate_chain_file(raw, settings_.cert_file.c_str()) != 1) {
            return failed("store.tls.cert_file", settings_.cert_file);
        }
        // Checks as well that the two belong together.
        if (SSL_CTX_use_PrivateKey_file(raw, settings_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
            return failed("store.tls.key_file", settings_.key_file);
        }
    }
    present_ = next;
    seen_ = std::make_unique<files>(now);
    return next;
}

task<tls_client::outcome> tls_client::secure(stream& on, std::string host) {
    std::string error;
    auto const with = context(error);
    if (!with) {
        co_return outcome{std::move(error)};
    }
    auto const session =
        std::make_shared<asio_session>(std::move(on.socket()), with->context, with);
    on.secure(session);
    auto* const handle = session->under().native_handle();
    auto const name = settings_.server_name.empty() ? host : settings_.server_name;
    if (!expect(handle, name)) {
        co_return outcome{"not a name that a certificate could hold: " + name};
    }
    auto [ec] = co_await session->under().async_handshake(ssl::stream_base::client, as_tuple);
    if (ec) {
        auto const verdict = SSL_get_verify_result(handle);
        ERR_clear_error();
        co_return outcome{handshake_text(ec, verdict, name)};
    }
    co_return outcome{};
}

}  // namespace sidecache::store
