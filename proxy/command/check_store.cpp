#include "proxy/command/check_store.hpp"

#include "config/load.hpp"
#include "proxy/command/print.hpp"
#include "proxy/store/inspection.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <string_view>
#include <vector>

namespace sidecache::command {
namespace {

using store::inspected;

std::string_view word_for(inspected::kind what) {
    switch (what) {
        case inspected::kind::note:
            return "ok";
        case inspected::kind::warning:
            return "warning";
        case inspected::kind::error:
            return "error";
    }
    return "";
}

}  // namespace

int check_store(std::string const& file) {
    auto const loaded = config::load_file(file);
    for (auto const& f : loaded.findings) {
        to_stderr(f.print() + "\n");
    }
    if (!loaded.config) {
        return 1;
    }
    auto const& where = loaded.config->store;
    if (where.what == config::store::kind::memory) {
        to_stdout("store memory://\n  ok: nothing to connect to\n");
        return 0;
    }
    std::vector<inspected> found;
    asio::io_context io{1};
    auto const take = [&](std::exception_ptr const& error, std::vector<inspected> got) {
        if (error) {
            std::rethrow_exception(error);
        }
        found = std::move(got);
    };
    asio::co_spawn(io, store::inspect(io.get_executor(), *loaded.config), take);
    io.run();
    auto out = "store " + where.description + "\n";
    bool fine = true;
    for (auto const& f : found) {
        out.append("  ").append(word_for(f.what)).append(": ").append(f.text).append("\n");
        fine = fine && f.what != inspected::kind::error;
    }
    to_stdout(out);
    return fine ? 0 : 1;
}

}  // namespace sidecache::command
