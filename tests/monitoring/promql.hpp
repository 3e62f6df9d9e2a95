#pragma once

#include <string>
#include <string_view>
#include <vector>

/// As much of PromQL as it takes to say which series an expression is about. Prometheus itself
/// judges whether it is well-formed.
namespace sidecache::tests {

struct label_matcher {
    std::string label;
    std::string op;  ///< = != =~ !~
    std::string value;
};

/// NAME{matchers}
struct series_selector {
    std::string name;
    std::vector<label_matcher> matchers;
};

/// Every selector of the expression, in its order.
std::vector<series_selector> selectors_of(std::string_view expression);

}  // namespace sidecache::tests
