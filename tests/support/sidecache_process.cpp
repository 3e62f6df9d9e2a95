#include "tests/support/sidecache_process.hpp"

#include "tests/support/demo_backend.hpp"

#include <algorithm>
#include <sstream>

namespace sidecache::tests {

std::string sidecache_program() {
    return SIDECACHE_PROGRAM;
}

finished sidecache_command(std::vector<std::string> arguments,
                           std::vector<std::pair<std::string, std::string>> environment) {
    arguments.insert(arguments.begin(), sidecache_program());
    return run({.argv = std::move(arguments), .environment = std::move(environment)});
}

sidecache_process::sidecache_process(std::string_view yaml, launch const& how)
    : file_(folder_.write("proxy.yaml", yaml)) {
    process_.emplace(
        process_options{.argv = {how.program, "run", file_}, .environment = how.environment});
    admin_port_ = port_at_end(process_->wait_for_line("admin listening on "));
    port_ = port_at_end(process_->wait_for_line("listening on "));
}

void sidecache_process::rewrite(std::string_view yaml) {
    folder_.write("proxy.yaml", yaml);
}

double sidecache_process::metric(std::string_view name,
                                 std::vector<std::string> const& labels) const {
    auto const text = admin("GET", "/metrics").body;
    std::istringstream lines(text);
    double sum = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name) || line.size() <= name.size() ||
            (line[name.size()] != '{' && line[name.size()] != ' ')) {
            continue;
        }
        bool const fits = std::all_of(labels.begin(), labels.end(), [&](std::string const& label) {
            return line.find(label) != std::string::npos;
        });
        if (fits) {
            sum += std::stod(line.substr(line.rfind(' ') + 1));
        }
    }
    return sum;
}

}  // namespace sidecache::tests
