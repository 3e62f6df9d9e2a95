#pragma once

#include "config/model.hpp"
#include "proxy/store/stream.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace sidecache::store {

/// TLS to the store (`rediss://`): TLS 1.2 or later, the server's certificate verified against the
/// system's CAs or `ca_file` and against the host's name or address, SNI, our own certificate where
/// one is configured. OpenSSL stays in tls.cpp.
///
/// Sessions are not resumed: a connection lives for as long as the process does, and a resumed one
/// would trust a certificate that has expired since. Any thread.
class tls_client {
public:
    explicit tls_client(config::store_tls settings);
    ~tls_client();

    /// What came of a handshake: an empty text is success.
    struct outcome {
        std::string error;  // for people; without secrets
    };
    /// Makes `on`, whose socket is connected, a TLS connection. `host`: as the configuration, or a
    /// Sentinel, names the server. Ended from outside by `on.close()`.
    task<outcome> secure(stream& on, std::string host);

private:
    struct files;
    struct made;
    /// The context of the files as they are now; null: `error` says why not.
    std::shared_ptr<made> context(std::string& error);

    config::store_tls const settings_;
    std::mutex mutex_;
    std::unique_ptr<files> seen_;    // under mutex_
    std::shared_ptr<made> present_;  // under mutex_
};

/// What a connection that broke has to say for people: a TLS alert of the server's in words (it
/// wants a certificate of ours, does not know its CA, ...), else the error's own message.
std::string describe_break(error_code ec);

}  // namespace sidecache::store
