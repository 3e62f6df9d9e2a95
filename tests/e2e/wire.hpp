#pragma once

#include "tests/e2e/http_stage.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/sidecache_process.hpp"

#include <optional>
#include <string>
#include <string_view>

/// The stage of the tests of hostile responses: the real program with one worker, and an upstream
/// of which each byte, close and pause is the test's.
namespace sidecache::tests {

inline constexpr std::string_view good_answer =
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood";
/// The connection stays.
inline constexpr std::string_view good_and_kept =
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

inline bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// `/c/{id}` is cached under `c:{id}`, PATCH on it purges that; everything else is passed through.
struct wire {
    struct options {
        std::string upstream{};  ///< inside `upstream:`, as ", timeout: 1s"
        std::string rule{};      ///< inside the rule, the same
        std::string purge{};     ///< inside the purge, the same
        std::string more{};      ///< top-level sections
        unsigned workers = 1;
        std::string program{};  ///< instead of the one under test
    };
    wire() : wire(options{}) {}
    explicit wire(options const& o);

    raw_upstream backend;
    sidecache_process proxy;

    /// The proxy's one worker has dealt with everything that was sent to it before the call.
    void settle() const { proxy.admin("GET", "/livez"); }
    /// The next connection to the upstream, with its request read.
    upstream_connection asked(std::string_view first_line);
    /// The upstream is asked anew, over a new connection, and its answer is stored.
    void fills_anew(std::string const& target);
};

/// The ways on which a response goes through the proxy.
enum class way { fill, joined, pass, head, mutation };
inline constexpr way every_way[] = {way::fill, way::joined, way::pass, way::head, way::mutation};
std::string_view name(way w);

/// One request on its way, up to the point where the upstream has read it.
class request_under_way {
public:
    /// `id` is a fresh one for each request.
    request_under_way(wire& stage, way how, int id);

    std::string const& target() const { return target_; }
    way how() const { return how_; }
    upstream_connection& upstream() { return *upstream_; }
    /// What the client got; nullopt: it was broken off.
    std::optional<http_response> answer();
    /// The connection that `answer` came over: more may be asked on it unless it was broken off.
    http_client& client() { return client_; }

    /// Whatever the first answer was: who had joined it gets a right one; nothing of it was kept,
    /// but a write's mark; and the next request is answered by a new connection.
    void leaves_nothing_behind();

private:
    wire& stage_;
    way how_;
    std::string target_;
    http_client client_;
    std::optional<http_client> joined_;
    std::optional<upstream_connection> upstream_;
};

}  // namespace sidecache::tests
