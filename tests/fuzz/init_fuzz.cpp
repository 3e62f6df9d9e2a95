#include "config/init/init.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any bytes as an OpenAPI file: neither a crash nor an exception; what is made loads, and a file
/// that is refused is refused with a word.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    sidecache::config::report found("fuzz.yaml");
    auto const made = sidecache::config::init::make(text, {}, {.source = "fuzz.yaml"}, found);
    auto const findings = found.take();
    if (!made && findings.empty()) {
        std::abort();
    }
    for (auto const& f : findings) {
        // At its beginning: a path of the input may say so, too.
        if (f.text.starts_with("a mistake of")) {
            std::abort();
        }
    }
    return 0;
}
