#pragma once

#include "proxy/async/event.hpp"
#include "proxy/http/message.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/upstream/exchange.hpp"
#include "rules/storable.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::cache {

/// Between a fill and the client that set it off. The fill writes at the upstream's speed and the
/// client reads at its own, so that a slow client holds up nobody who waits for the fill. What is
/// collected for the store is bounded by `max_object`; what is not, by one piece at a time. Both
/// ends live on one worker.
class fill_feed {
public:
    enum class stage : std::uint8_t {
        pending,
        found,    ///< `entry` was valid before the upstream was asked: it answers, unless it is for
                  ///< other values of the fields that it varies on
        refused,  ///< the gate is full
        failed,   ///< no response: `why`
        validated,  ///< `entry` is what was stored before, and still right (304)
        response    ///< `head`, then content
    };

    explicit fill_feed(executor const& ex) : changed_(ex) {}

    // What the client reads.
    stage at = stage::pending;
    std::shared_ptr<std::string const> entry;
    /// found: after waiting for another process's fill, or for its turn.
    bool waited = false;
    upstream::failure why = upstream::failure::none;
    /// failed: the status of a backend in trouble that an entry is to stand in for; 0: no response.
    unsigned trouble = 0;
    http::response_head head;
    /// Why the response will not be stored; nullopt: it will.
    std::optional<rules::not_stored> not_stored;
    std::chrono::nanoseconds upstream{0};
    /// What became of it in the end, for whoever has no client: whether its entry was stored.
    telemetry::background_outcome ended = telemetry::background_outcome::failed;

    bool is_complete() const { return complete_; }
    /// Complete, and all of it still in `content()`.
    bool is_whole() const { return complete_ && keeping_; }
    /// It broke off, or nobody writes any longer.
    bool is_broken() const { return broken_; }
    /// All content so far, as long as it is kept.
    std::string const& content() const { return content_; }
    /// The next piece into `out` (at most `limit` bytes); empty: complete or broken.
    task<void> take(std::string& out, std::size_t limit);
    /// Returns when the stage is no longer `pending`.
    task<void> begun();
    /// The next interim answer (103) into `out`; false: the stage is no longer `pending`.
    task<bool> next_interim(http::response_head& out);
    void reader_gone();

    // What the fill writes.
    bool has_reader() const { return !reader_gone_; }
    void announce(stage s);
    /// An interim answer, for the client that set the fill off; more than a few are left out.
    void tell_interim(http::response_head const& early);
    void append(std::string_view some);
    /// From here on content is not kept: `append` only after `drained`.
    void stop_keeping();
    /// Returns when the client has taken everything, or is gone.
    task<void> drained();
    void complete();
    /// The writer's last word; without effect on what is complete.
    void close();

private:
    static constexpr std::size_t most_interims = 8;
    event changed_;
    std::vector<http::response_head> interims_;
    std::size_t interims_taken_ = 0;
    std::string content_;
    std::size_t taken_ = 0;
    bool keeping_ = true;
    bool complete_ = false;
    bool broken_ = false;
    bool reader_gone_ = false;
};

}  // namespace sidecache::cache
