#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace sidecache::tests {

/// A TCP relay on loopback that misbehaves on demand: between a proxy and its Redis, or between a
/// proxy and its backend. Any thread may change its mood; a change holds for bytes that arrive
/// after it.
class tcp_relay {
public:
    explicit tcp_relay(std::uint16_t target_port);
    ~tcp_relay();
    tcp_relay(tcp_relay const&) = delete;
    tcp_relay& operator=(tcp_relay const&) = delete;

    std::uint16_t port() const;

    /// Each byte comes out that much later than it went in, in both directions.
    void delay(std::chrono::milliseconds each_way);
    /// Bytes towards the target are kept back while `on`, and delivered afterwards.
    void hold_requests(bool on);
    /// Bytes from the target are kept back while `on`, and delivered afterwards: the server has
    /// done it, but nobody learns of it.
    void hold_replies(bool on);
    /// Closes every connection (by reset) and, while `on`, each new one at once.
    void refuse(bool on);
    /// Closes every connection that is open now (by reset).
    void cut();

    /// Connections accepted so far.
    std::uint64_t connections() const;
    /// Bytes taken from clients so far, delivered or held.
    std::uint64_t bytes_from_clients() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sidecache::tests
