#pragma once

#include "tests/support/file_descriptor.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sidecache::tests {

/// A backend of raw sockets that records every byte of every connection. It answers each request
/// that `read_strictly` finds complete, and nothing else: bytes that are no request by that reader
/// stay on record, unanswered, and show in `leftovers`. One thread of its own.
class recording_upstream {
public:
    /// What a request is answered with, as bytes (none: the connection closes); the default is a
    /// 200 whose content is "ok".
    using answerer = std::function<std::string(std::string_view method, std::string_view target)>;
    explicit recording_upstream(answerer answer = {});
    ~recording_upstream();
    recording_upstream(recording_upstream const&) = delete;
    recording_upstream& operator=(recording_upstream const&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    /// Every request so far, byte for byte, in the order in which they became complete; forgets
    /// them. REQUIRES: whoever caused them has its answer.
    std::vector<std::string> take();
    /// What connections hold (or held when they ended) behind their last complete request, where it
    /// is not empty: half a request, or what is none. Forgets those of connections that ended.
    std::vector<std::string> leftovers();

private:
    struct connection {
        file_descriptor socket;
        std::string held;
    };
    void run();
    void read(connection& from);

    file_descriptor listener_;
    std::uint16_t port_;
    answerer answer_;
    file_descriptor wake_read_, wake_write_;
    std::mutex mutex_;
    std::vector<connection> open_;       // under mutex_
    std::vector<std::string> requests_;  // under mutex_
    std::vector<std::string> ended_;     // under mutex_
    std::thread thread_;
};

}  // namespace sidecache::tests
