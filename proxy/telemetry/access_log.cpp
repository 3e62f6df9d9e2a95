#include "proxy/telemetry/access_log.hpp"

#include "config/model.hpp"
#include "proxy/telemetry/json_line.hpp"
#include "proxy/telemetry/log.hpp"

#include <string>
#include <utility>

namespace sidecache::telemetry {

namespace {

constexpr std::size_t queue_lines = 8'192;

class json_access_log final : public access_log {
public:
    json_access_log(config::log const& how, line_sink sink)
        : enabled_(how.access.enabled && log::parse_level(how.level) <= log::level::info),
          hits_(how.access.hits) {
        if (enabled_) {
            writer_ = make_line_writer(queue_lines, std::move(sink));
        }
    }

    bool wants(bool is_hit) const override { return enabled_ && (hits_ || !is_hit); }

    void write(access_record const& r) override {
        if (!enabled_) {
            return;
        }
        thread_local std::string text;  // keeps its capacity from line to line
        json_line line(text, std::chrono::system_clock::now(), "info", "request");
        line.text("method", r.method);
        line.text("path", r.path);
        line.text("peer", r.peer);
        line.text("request_id", r.request_id);
        line.text("rule", r.rule);
        line.text("result", r.result);
        line.text("reason", r.reason);
        line.hex("key_hash", r.key_hash);
        line.number("status", r.status);
        line.number("bytes", r.bytes);
        line.seconds("duration", r.duration);
        line.seconds("upstream", r.upstream);
        writer_->write(line.close());
    }

private:
    bool enabled_;
    bool hits_;
    std::unique_ptr<line_writer> writer_;
};

}  // namespace

std::unique_ptr<access_log> make_access_log(config::log const& how, line_sink sink) {
    return std::make_unique<json_access_log>(how, std::move(sink));
}

}  // namespace sidecache::telemetry
