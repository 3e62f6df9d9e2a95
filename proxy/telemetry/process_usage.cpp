#include "proxy/telemetry/process_usage.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace sidecache::telemetry {

namespace {

std::string text_of(char const* path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    return ec == std::errc() ? std::optional(value) : std::nullopt;
}

/// Unix time at which the machine started, 0 when unknown.
double boot_time() {
    static double const seconds = [] {
        auto const text = text_of("/proc/stat");
        constexpr std::string_view field = "\nbtime ";
        auto const at = text.find(field);
        return at == std::string::npos
                   ? 0.0
                   : static_cast<double>(
                         number(std::string_view(text).substr(at + field.size())).value_or(0));
    }();
    return seconds;
}

std::uint64_t open_files() {
    // Since Linux 6.2 the folder's size is their number; else they have to be counted.
    struct ::stat folder{};
    if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
        return static_cast<std::uint64_t>(folder.st_size);
    }
    std::error_code ec;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end;
         it.increment(ec)) {
        ++count;
    }
    return count == 0 ? 0 : count - 1;  // one of them was the look itself
}

std::uint64_t max_files() {
    ::rlimit files{};
    return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 0;
}

std::uint64_t memory_limit(std::uint64_t page) {
    auto const pages = ::sysconf(_SC_PHYS_PAGES);
    auto least = pages > 0 ? static_cast<std::uint64_t>(pages) * page : 0;
    // As a container sees its own group: version 2, then version 1.
    for (auto const* const path :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        if (auto const limit = parse_memory_limit(text_of(path))) {
            least = least == 0 ? *limit : std::min(least, *limit);
        }
    }
    return least;
}

}  // namespace

std::optional<process_stat> parse_process_stat(std::string_view text) {
    // Field 2 is the name in parentheses; what follows its last one are fields 3, 4...
    auto const name_end = text.rfind(") ");
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(name_end + 2);
    constexpr std::size_t first = 3;
    constexpr std::size_t last = 24;
    std::array<std::uint64_t, last + 1> fields{};
    for (std::size_t i = first; i <= last; ++i) {
        auto const end = std::min(text.find_first_of(" \n"), text.size());
        if (end == 0) {
            return std::nullopt;
        }
        fields.at(i) = number(text.substr(0, end)).value_or(0);  // some are negative, or a letter
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return process_stat{.user_ticks = fields[14],
                        .system_ticks = fields[15],
                        .start_ticks = fields[22],
                        .virtual_bytes = fields[23],
                        .resident_pages = fields[24]};
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
    constexpr std::uint64_t none = std::uint64_t{1} << 62U;
    auto const limit = number(text);
    return limit && *limit < none ? limit : std::nullopt;
}

process_usage read_process_usage() {
    auto const page = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 1L));
    auto const ticks = static_cast<double>(std::max(::sysconf(_SC_CLK_TCK), 1L));
    process_usage out;
    if (auto const stat = parse_process_stat(text_of("/proc/self/stat"))) {
        out.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks;
        out.start_time_seconds = boot_time() + static_cast<double>(stat->start_ticks) / ticks;
        out.resident_bytes = stat->resident_pages * page;
        out.virtual_bytes = stat->virtual_bytes;
    }
    out.open_files = open_files();
    out.max_files = max_files();
    out.memory_limit_bytes = memory_limit(page);
    return out;
}

}  // namespace sidecache::telemetry
