#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace load {

struct request_options {
    std::string host = "bench.local";
    std::vector<std::string> fields;  // "Name: value"
    /// `{}` stands for a number from `first` on.
    std::string path = "/products/1";
    std::uint64_t first = 1;
    std::uint64_t keys = 1;
    /// Zipf's exponent; 0: all alike.
    double skew = 0;
    /// Every key is asked for once, in order, and none again.
    bool in_order = false;
    /// That part of the requests is a write to one of the keys.
    double writes = 0;
    std::string write_method = "PATCH";
    std::string write_body = R"({"name": "bench"})";
    std::uint64_t seed = 1;
};

/// What is asked for, rendered beforehand and drawn beforehand: asking costs next to nothing.
class requests {
public:
    explicit requests(request_options const& o);

    /// The bytes of the next request. They live as long as this.
    std::string_view next() {
        auto const at = place_;
        place_ = place_ + 1 == order_.size() ? 0 : place_ + 1;
        return rendered_[order_[at]];
    }
    std::size_t in_a_round() const { return order_.size(); }

private:
    std::vector<std::string> rendered_;  // the reads, then the writes
    std::vector<std::uint32_t> order_;
    std::size_t place_ = 0;
};

}  // namespace load
