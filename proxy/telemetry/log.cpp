#include "proxy/telemetry/log.hpp"

#include "proxy/telemetry/json_line.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>

namespace sidecache::log {

namespace {

// A queue of their own: a flood of access lines never pushes out what an operator must see.
constexpr std::size_t queue_lines = 1'024;

std::atomic<level> least{level::info};

/// The process's writer, made with the first line.
struct outlet {
    std::mutex mutex;
    telemetry::line_sink sink;
    std::unique_ptr<telemetry::line_writer> writer;
};

outlet& the_outlet() {
    static outlet o;
    return o;
}

void write(level l, std::string_view level_name, std::string_view msg, fields more) {
    if (!enabled(l)) {
        return;
    }
    std::string text;
    telemetry::json_line line(text, std::chrono::system_clock::now(), level_name, msg);
    for (auto const& f : more) {
        if (auto const* s = std::get_if<std::string_view>(&f.value)) {
            line.text(f.name, *s);
        } else if (auto const* b = std::get_if<bool>(&f.value)) {
            line.boolean(f.name, *b);
        } else if (auto const* i = std::get_if<std::int64_t>(&f.value)) {
            line.integer(f.name, *i);
        } else {
            line.number(f.name, std::get<std::uint64_t>(f.value));
        }
    }
    auto const closed = line.close();
    auto& o = the_outlet();
    std::lock_guard const lock(o.mutex);
    if (!o.writer) {
        o.writer = telemetry::make_line_writer(queue_lines, o.sink);
    }
    o.writer->write(closed);
}

}  // namespace

level parse_level(std::string_view name) {
    if (name == "debug") {
        return level::debug;
    }
    if (name == "warn" || name == "warning") {
        return level::warn;
    }
    if (name == "error") {
        return level::error;
    }
    return name == "off" ? level::off : level::info;
}

void set_level(level l) {
    least.store(l, std::memory_order_relaxed);
}

bool enabled(level l) {
    return l >= least.load(std::memory_order_relaxed);
}

void debug(std::string_view msg, fields more) {
    write(level::debug, "debug", msg, more);
}
void info(std::string_view msg, fields more) {
    write(level::info, "info", msg, more);
}
void warn(std::string_view msg, fields more) {
    write(level::warn, "warning", msg, more);
}
void error(std::string_view msg, fields more) {
    write(level::error, "error", msg, more);
}

void set_sink(telemetry::line_sink sink) {
    auto& o = the_outlet();
    std::lock_guard const lock(o.mutex);
    o.writer.reset();
    o.sink = std::move(sink);
}

void flush() {
    auto& o = the_outlet();
    std::lock_guard const lock(o.mutex);
    o.writer.reset();
}

}  // namespace sidecache::log
