#pragma once

#include "tests/support/temp_dir.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sidecache::tests {

/// PEM files of one certificate and its key.
struct certificate_files {
    std::string certificate;
    std::string key;
};

/// A CA of the test's own, its files in a folder that goes with it. Throws std::runtime_error.
class certificate_authority {
public:
    explicit certificate_authority(std::string name = "test CA");
    ~certificate_authority();
    certificate_authority(certificate_authority const&) = delete;
    certificate_authority& operator=(certificate_authority const&) = delete;

    struct subject {
        std::string name = "server";
        /// As `subjectAltName` has them: "IP:127.0.0.1", "DNS:redis.example".
        std::vector<std::string> alternatives{"IP:127.0.0.1", "DNS:localhost"};
        bool is_expired = false;
    };
    certificate_files issue(subject const& s) const;
    certificate_files issue() const { return issue({}); }
    /// The CA's own certificate.
    std::string file() const;

private:
    struct impl;
    temp_dir folder_;
    std::unique_ptr<impl> impl_;
};

}  // namespace sidecache::tests
