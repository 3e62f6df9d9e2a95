#pragma once

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::tests {

/// A real Prometheus on a free port, with its own data, that scrapes these ports twice a second and
/// evaluates k8s/monitoring/rules.yaml as often. Gone with its object.
class prometheus_server {
public:
    static bool is_installed();

    explicit prometheus_server(std::vector<std::uint16_t> const& targets);

    process& server() { return *process_; }

    /// The whole answer of /api/v1/query.
    boost::json::object query(std::string_view expression) const;
    /// The value of the one sample of the result; nullopt when there is none or several.
    std::optional<double> value(std::string_view expression) const;
    boost::json::object get(std::string_view target) const;

private:
    temp_dir folder_;
    std::optional<process> process_;
    std::uint16_t port_ = 0;
};

}  // namespace sidecache::tests
