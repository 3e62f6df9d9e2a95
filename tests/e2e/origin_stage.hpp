#pragma once

#include "tests/support/recording_upstream.hpp"
#include "tests/support/sidecache_process.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

/// The stage of `ttl: origin`: the real program with one worker and a catch-all rule, in front of
/// a backend that says what the test has told it to say. Time is told by Age: what arrives older
/// than its lifetime is stale, so that nothing has to be waited for.
namespace sidecache::tests {

class origin_stage {
public:
    struct options {
        std::string rule{};  ///< more inside the rule, as ", own_etag: false"
        std::string near = "64MiB";
        std::string store = "memory://";
        std::string more{};  ///< more top-level sections
    };
    origin_stage() : origin_stage(options{}) {}
    explicit origin_stage(options const& o);

    /// The backend's next answer to that target: "200\nCache-Control: max-age=60\nX-A: 1", and its
    /// content. Without one it answers 200 "unscripted" with no field that caches look at. A status
    /// of 0 closes the connection instead. `interim`: a head that comes before it.
    void reply(std::string const& target,
               std::string_view head,
               std::string body = "body",
               std::string_view interim = {});
    /// Bytes as they are.
    void reply_raw(std::string const& target, std::string bytes);

    /// One request; returns once everything that it set off in the proxy is done.
    http_response ask(std::string_view method,
                      std::string const& target,
                      http_fields fields = {},
                      std::string_view body = {});
    http_response get(std::string const& target, http_fields fields = {}) {
        return ask("GET", target, std::move(fields));
    }
    /// What the backend was asked since the last call, byte for byte.
    std::vector<std::string> asked() { return backend_->take(); }

    /// From now on nobody listens at the backend's port.
    void stop_backend() { backend_.reset(); }
    sidecache_process& proxy() { return *proxy_; }

private:
    std::string answer(std::string_view method, std::string_view target);

    std::mutex mutex_;
    std::map<std::string, std::deque<std::string>, std::less<>> replies_;
    std::unique_ptr<recording_upstream> backend_;
    std::unique_ptr<sidecache_process> proxy_;
};

/// "Name: value\nName: value" as fields.
http_fields fields_of(std::string_view lines);

/// An HTTP date that many seconds from now.
std::string date_in(long long seconds);

}  // namespace sidecache::tests
