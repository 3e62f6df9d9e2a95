#include "proxy/command/run.hpp"

#include "config/load.hpp"
#include "proxy/identity/key_check.hpp"
#include "proxy/server.hpp"

#include <cstdio>

namespace sidecache::command {

int run(std::string const& file) {
    auto loaded = config::load_file(file);
    identity::check_keys(loaded, file);
    for (auto const& f : loaded.findings) {
        std::fprintf(stderr, "%s\n", f.print().c_str());
    }
    if (!loaded.config) {
        std::fprintf(stderr, "sidecache: %s has errors; nothing was started\n", file.c_str());
        return 1;
    }
    return serve(file, loaded);
}

}  // namespace sidecache::command
