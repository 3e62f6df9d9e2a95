#pragma once

#include "tests/backend/faults.hpp"
#include "tests/backend/message.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace backend {

/// What becomes of a request: an answer, and how it is given.
struct outcome {
    response answer;
    fault::ending how = fault::ending::answer;
};

/// An HTTP/1.1 server on 127.0.0.1 with a thread for each connection: keep-alive, HEAD, chunked
/// bodies, 100-continue. `handle` is called on many threads at once.
class server {
public:
    using handler = std::function<outcome(request const&)>;

    /// Port 0: a free one. Throws when the port is taken.
    server(std::uint16_t port, handler handle);
    /// Closes every connection and joins every thread; handlers must have been let go before.
    ~server();
    server(server const&) = delete;
    server& operator=(server const&) = delete;

    std::uint16_t port() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace backend
