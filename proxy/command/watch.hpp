#pragma once

#include "proxy/command/admin_client.hpp"
#include "proxy/command/paint.hpp"
#include "proxy/command/stats_rate.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace sidecache::command {

struct watch_options {
    admin_address where;
    std::chrono::milliseconds every{2'000};
    std::size_t samples = 0;  // then it ends; 0: at Ctrl-C
    color colored = color::automatic;
};

/// `sidecache stats --watch`: looks again and again until Ctrl-C. On a terminal it redraws in
/// place, and gives the screen back as it was; elsewhere each look is one more line. Nobody who
/// answers is said, and asked again. Returns 0; 1 when the last look had no answer.
int watch(watch_options const& asked);

/// One look as a line: what came in since the one before.
std::string watch_line(std::string_view time, stats_sample const& now, stats_rates const& rates);

/// A text on a screen of so many rows and columns: what does not fit is cut.
std::string frame(std::string_view text, std::size_t rows, std::size_t columns);

}  // namespace sidecache::command
