#pragma once

#include "tests/support/http_client.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::tests {

/// One request as a client writes it.
struct asked {
    std::string method = "GET";
    std::string target;
    http_fields fields;
    std::string body;

    /// All of it: who asks the same gets the same, as long as nobody writes.
    std::string text() const;
};

/// Random requests of the products API: many users of three organizations, strangers, forged
/// fields, odd spellings. The same seed gives the same requests. One thread.
class request_mix {
public:
    static constexpr int organizations = 3;
    static constexpr int users = 8;  // of each
    static constexpr int products = 60;

    request_mix(std::uint64_t seed, std::uint64_t stream);

    asked read();
    asked write();
    /// From 0 to `below` - 1.
    int number(int below);
    bool one_in(int n) { return number(n) == 0; }

private:
    http_fields caller(int organization);
    void forge(http_fields& fields);
    std::string product_of(int organization);
    std::string list_query();
    std::string spelled(std::string_view text);
    std::string odd_target(int organization);

    std::mt19937_64 chance_;
};

}  // namespace sidecache::tests
