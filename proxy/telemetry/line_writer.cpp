#include "proxy/telemetry/line_writer.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <mutex>
#include <string>
#include <utility>

namespace sidecache::telemetry {

namespace {

/// Hands each line to a function.
class function_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit function_sink(line_sink to) : to_(std::move(to)) {}

private:
    void sink_it_(spdlog::details::log_msg const& m) override {
        to_({m.payload.data(), m.payload.size()});
    }
    void flush_() override {}
    line_sink to_;
};

class queued_writer final : public line_writer {
public:
    queued_writer(std::size_t queue_lines, spdlog::sink_ptr sink)
        : pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1)),
          logger_(std::make_shared<spdlog::async_logger>(
              "lines", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest)) {
        logger_->set_pattern("%v");
        logger_->set_level(spdlog::level::trace);
    }

    void write(std::string_view line) override {
        logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    }
    std::size_t dropped() const override { return pool_->overrun_counter(); }

private:
    // The logger first, then the pool, whose destructor drains the queue and joins its thread.
    std::shared_ptr<spdlog::details::thread_pool> pool_;
    std::shared_ptr<spdlog::async_logger> logger_;
};

}  // namespace

std::unique_ptr<line_writer> make_line_writer(std::size_t queue_lines, line_sink sink) {
    spdlog::sink_ptr to;
    if (sink) {
        to = std::make_shared<function_sink>(std::move(sink));
    } else {
        // Its mutex is spdlog's one for the console: lines of several writers never mix.
        to = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    }
    return std::make_unique<queued_writer>(queue_lines, std::move(to));
}

}  // namespace sidecache::telemetry
