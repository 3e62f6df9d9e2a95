#include "config/events_reader.hpp"

#include "config/problem.hpp"

#include <string>
#include <string_view>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;

void read_name(section& s, std::string_view key, std::string& out, std::string_view hint) {
    s.text(key, out);
    auto const* const node = s.find(key);
    if (node != nullptr && node->what == yaml_node::kind::scalar && node->text.empty()) {
        s.findings().error(node->at, quoted(key) + " is empty", std::string(hint));
    }
}

}  // namespace

std::optional<events> read_events(section& top) {
    auto const* const node = top.find("events");
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return std::nullopt;
    }
    events out;
    top.child("events", [&](section& s) {
        constexpr std::string_view hint = "name the Redis Stream: stream: product-events";
        if (s.require("stream", hint) != nullptr) {
            read_name(s, "stream", out.stream, hint);
        }
        read_name(s, "group", out.group, "name the consumer group: group: sidecache");
        s.count("batch", out.batch, 1, 1'000);
        s.duration("claim_after", out.claim_after, {1s, 24h});
        s.size("max_message", out.max_message, 64, 16ULL << 20U);
    });
    return out;
}

void check_events(model const& m, places const& where, report& out) {
    if (!m.events) {
        return;
    }
    auto const found = where.find("events.stream");
    auto const at = found != where.end() ? found->second : rules::position();
    if (m.store.what == store::kind::memory) {
        out.error(
            at,
            "`events` needs Redis: a stream lies on the store's server, and memory:// has none",
            "set store.url to a Redis, or invalidate with POST /purge");
    }
    if (m.events->stream.starts_with("sidecache:")) {
        out.error(at,
                  quoted(m.events->stream) + " begins with `sidecache:`, which is for its own keys",
                  "give the stream another name");
    }
}

}  // namespace sidecache::config
