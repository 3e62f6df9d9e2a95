#pragma once

#include "tests/support/recording_upstream.hpp"
#include "tests/support/sidecache_process.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Hostile bytes against the whole program: what the client gets, and what the backend gets of it,
/// byte for byte.
namespace sidecache::tests {

struct hostile_options {
    std::string settings{};  ///< more of the file, as YAML
    std::string upstream{};  ///< more inside `upstream:`, in flow style
    std::string rules{};     ///< instead of the rule and the purge below
    std::string store_url = "memory://";
    recording_upstream::answerer answer{};
};

/// One replica in front of a backend that records. `GET /things/{id}` is cached under `thing:{id}`,
/// writes to it purge that, and everything else passes.
class hostile_stage {
public:
    explicit hostile_stage(hostile_options options = {});

    recording_upstream& backend() { return backend_; }
    sidecache_process& proxy() { return proxy_; }

    /// Every request that the backend has got since the last call, in order, each byte of it but
    /// that a request id made up by the proxy reads `X-Request-Id: ...`. A request on a connection
    /// of its own goes through first, so that nothing is still on its way.
    std::vector<std::string> arrived();

private:
    recording_upstream backend_;
    sidecache_process proxy_;
};

/// What is sent on one connection, and what must come of it.
struct exchange_row {
    std::string sent;
    /// The statuses of the answers, in order.
    std::vector<int> statuses;
    bool closes = false;  ///< the proxy closes behind them; else the connection is good for more
    /// What the backend gets: see `at_backend`.
    std::vector<std::string> arrives{};
    /// Of the first request, when that matters to its answer's length.
    std::string method = "GET";
};

/// Plays it, and CHECKs all of it.
void play(hostile_stage& on, exchange_row const& row);
void play_all(hostile_stage& on, std::vector<exchange_row> const& table);

/// A request as the backend gets it: `request_line` and `fields` (with their line ends) as given,
/// then what this hop adds, then `framing` and the content.
std::string at_backend(std::string_view request_line,
                       std::string_view fields = "Host: a\r\n",
                       std::string_view framing = {},
                       std::string_view content = {},
                       std::string_view host = "a");

/// "GET /smuggled", which the backend must never see.
inline constexpr std::string_view smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace sidecache::tests
