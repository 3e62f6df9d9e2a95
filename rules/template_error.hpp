#pragma once

#include <string>

namespace sidecache::rules {

/// Why a template, pattern or variable source could not be read, and what to write instead.
struct template_error {
    std::string text;
    std::string hint;
};

}  // namespace sidecache::rules
