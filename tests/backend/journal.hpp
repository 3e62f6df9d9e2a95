#pragma once

#include "tests/backend/message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace backend {

/// What the service was asked, exactly: every request counts once, when it has been read. Any
/// thread.
class journal {
public:
    void arrived(request const& r, std::string_view route);
    void left();

    /// {"total", "inFlight", "maxInFlight", "routes": {"GET /products/{id}": 3}, "targets":
    /// {"GET /products/1?x=y": 3}}
    boost::json::object counters() const;
    /// The last requests with method, target, fields and body (hexadecimal), oldest first.
    boost::json::object requests() const;
    void clear();

private:
    static constexpr std::size_t kept = 200;
    mutable std::mutex mutex_;
    std::uint64_t total_ = 0, in_flight_ = 0, max_in_flight_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> routes_, targets_;
    std::deque<request> last_;
};

}  // namespace backend
