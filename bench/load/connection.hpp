#pragma once

#include "bench/load/response_reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace load {

/// Nanoseconds of CLOCK_MONOTONIC.
std::int64_t now();

/// One keep-alive connection to 127.0.0.1, with one request under way at most.
class connection {
public:
    enum class progress { waiting, answered, broken };

    /// Exits with a message when nobody listens there.
    explicit connection(std::uint16_t port);
    ~connection();
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;

    int descriptor() const { return descriptor_; }
    /// `due`: when the request was to be sent, which is what its latency counts from.
    void send(std::string_view request, std::int64_t due);
    std::int64_t due() const { return due_; }
    /// Reads what is there.
    progress receive();
    int status() const { return reader_.status(); }

private:
    int descriptor_;
    std::int64_t due_ = 0;
    response_reader reader_;
};

}  // namespace load
