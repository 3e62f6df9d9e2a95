#include "proxy/process_limits.hpp"

#include "proxy/telemetry/log.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace sidecache {

std::size_t raise_descriptor_limit(std::size_t max_connections) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return std::numeric_limits<std::size_t>::max();
    }
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max == RLIM_INFINITY) {
        return std::numeric_limits<std::size_t>::max();
    }
    std::size_t const most = files.rlim_max - files.rlim_max / 4;
    if (most < max_connections) {
        log::warn("the limit of open files is below max_connections",
                  {{"open_files", static_cast<std::uint64_t>(files.rlim_max)},
                   {"max_connections", static_cast<std::uint64_t>(max_connections)},
                   {"served_at_once", static_cast<std::uint64_t>(most)}});
    }
    return most;
}

void hide_memory() {
    // Start-up, before there is a second thread.
    auto const* const wanted =
        std::getenv("SIDECACHE_CORE_DUMPS");  // NOLINT(concurrency-mt-unsafe)
    if (wanted == nullptr || std::string_view(wanted) != "1") {
        ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}

}  // namespace sidecache
