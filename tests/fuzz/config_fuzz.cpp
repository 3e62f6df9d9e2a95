#include "config/load.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// Any bytes as a configuration file: neither a crash nor an exception nor a file that is refused
/// without a word. Variables expand to what would be syntax if a value were parsed again.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const env = [](std::string_view name) -> std::optional<std::string> {
        if (name == "SET") {
            return "x: [*a, {b: ${SET}}]\n- #";
        }
        return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
    };
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const loaded = sidecache::config::load_text(text, "fuzz.yaml", env);
    for (auto const& f : loaded.findings) {
        if (f.print().empty()) {
            std::abort();
        }
    }
    if (!loaded.config && loaded.findings.empty()) {
        std::abort();
    }
    return 0;
}
