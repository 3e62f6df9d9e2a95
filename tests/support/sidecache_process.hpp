#pragma once

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::tests {

/// The path of the program under test.
std::string sidecache_program();

/// Runs `sidecache` with these arguments to its end.
finished sidecache_command(std::vector<std::string> arguments,
                           std::vector<std::pair<std::string, std::string>> environment = {});

/// Another program than the one under test (a weakened one), with more in its environment.
struct launch {
    std::string program = sidecache_program();
    std::vector<std::pair<std::string, std::string>> environment{};
};

/// One replica. Its file is its own, so that a test can change it and reload.
class sidecache_process {
public:
    /// Waits until it listens. `yaml` should listen on 127.0.0.1:0.
    explicit sidecache_process(std::string_view yaml, launch const& how = {});

    std::uint16_t port() const { return port_; }
    std::uint16_t admin_port() const { return admin_port_; }
    process& server() { return *process_; }
    std::string const& file() const { return file_; }

    http_response get(std::string_view target, http_fields const& fields = {}) const {
        return fetch(port_, "GET", target, fields);
    }
    http_response request(std::string_view method,
                          std::string_view target,
                          http_fields const& fields = {},
                          std::string_view body = {}) const {
        return fetch(port_, method, target, fields, body);
    }
    http_response admin(std::string_view method,
                        std::string_view target,
                        http_fields const& fields = {},
                        std::string_view body = {}) const {
        return fetch(admin_port_, method, target, fields, body);
    }
    /// The sum of every series of that name whose labels hold each of `labels`
    /// (`rule="product-details"`); 0 when there is none.
    double metric(std::string_view name, std::vector<std::string> const& labels = {}) const;

    /// Replaces the file's text. SIGHUP is the test's to send.
    void rewrite(std::string_view yaml);
    void kill() { process_->kill(); }

private:
    temp_dir folder_;
    std::string file_;
    std::optional<process> process_;
    std::uint16_t port_ = 0;
    std::uint16_t admin_port_ = 0;
};

}  // namespace sidecache::tests
