#pragma once

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::tests {

/// A reply as tests look at it: a tree of texts.
struct redis_value {
    enum class kind { nil, text, integer, list, error };
    kind what = kind::nil;
    std::string text;  // also an integer's digits and an error's message
    std::vector<redis_value> items;

    bool is_nil() const { return what == kind::nil; }
    long long number() const;  // of integers and of texts that are one
};

/// A redis-server that is a Sentinel: lines of its file besides its address and folder, and AUTH's
/// words for the tester's own connection.
struct sentinel_file {
    std::string lines;
    std::vector<std::string> auth{};
};

/// A private redis-server: own folder, own port, no persistence unless asked for by `snapshot`.
/// Throws std::runtime_error when the server does not do what it is told.
class redis_server {
public:
    /// `arguments` go to redis-server as they are: {"--maxmemory", "3mb"}.
    explicit redis_server(std::vector<std::string> arguments = {});
    explicit redis_server(sentinel_file sentinel);

    std::uint16_t port() const { return port_; }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_) + "/0"; }
    /// A unix socket it listens on as well.
    std::string socket_path() const;
    process& server() { return *process_; }

    /// One command over a connection of the tester's own. An error reply throws.
    redis_value command(std::vector<std::string> const& words);
    /// The same, with an error reply as a value.
    redis_value try_command(std::vector<std::string> const& words);
    /// The reply as one text: "" for nil, items joined by line feeds.
    std::string cli(std::vector<std::string> const& words);
    bool exists(std::string const& key) { return command({"EXISTS", key}).number() == 1; }
    /// Every key, sorted. Only for tests: it is the KEYS that the proxy never sends.
    std::vector<std::string> keys(std::string const& pattern = "*");
    /// How often a command was called since the start or CONFIG RESETSTAT (INFO commandstats).
    long long calls(std::string_view lower_case_command);

    /// SIGSTOP: connections stay open, nothing is answered.
    void pause() { process_->pause(); }
    void resume() { process_->resume(); }
    /// kill -9: what was not in a snapshot is lost.
    void kill();
    /// Writes what it holds to its folder; a later `start` reads it.
    void snapshot() { command({"SAVE"}); }
    /// Starts it again on the same port and folder.
    void start();
    void restart() {
        kill();
        start();
    }

private:
    struct connection;
    void connect();
    void start_anywhere();
    process_options options_of_start() const;

    temp_dir folder_;
    std::optional<sentinel_file> sentinel_;
    std::vector<std::string> arguments_;
    std::uint16_t port_ = 0;
    std::optional<process> process_;
    std::shared_ptr<connection> connection_;
};

}  // namespace sidecache::tests
