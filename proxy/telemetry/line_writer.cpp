#include "proxy/telemetry/line_writer.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sidecache::telemetry {

namespace {

/// What comes within this time of the first line is written with it. So a busy process wakes its
/// writer a hundred times a second and not for each line, which cost more than the request.
constexpr std::chrono::milliseconds gathering{10};

/// The newest lines, as many as there is room for. Their storage is used again and again.
class line_ring {
public:
    explicit line_ring(std::size_t lines) : lines_(lines) {}

    /// True: the oldest line had to go.
    bool put(std::string_view line) {
        lines_[(first_ + count_) % lines_.size()].assign(line);
        if (count_ < lines_.size()) {
            ++count_;
            return false;
        }
        first_ = (first_ + 1) % lines_.size();
        return true;
    }
    template <class Each>
    void take_all(Each each) {
        for (; count_ > 0; --count_) {
            each(lines_[first_]);
            first_ = (first_ + 1) % lines_.size();
        }
    }
    bool empty() const { return count_ == 0; }

private:
    std::vector<std::string> lines_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

/// Lines of several writers never mix: each batch goes out under one lock.
void write_to_stdout(std::string_view batch) {
    static std::mutex one_at_a_time;
    std::scoped_lock const guard(one_at_a_time);
    while (!batch.empty()) {
        auto const written = ::write(STDOUT_FILENO, batch.data(), batch.size());
        if (written < 0 && errno != EINTR) {
            return;  // nobody reads it; there is nowhere to say so
        }
        batch.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

class gathering_writer final : public line_writer {
public:
    gathering_writer(std::size_t queue_lines, line_sink sink)
        : sink_(std::move(sink)),
          waiting_(queue_lines),
          in_hand_(queue_lines),
          thread_([this] { run(); }) {}

    ~gathering_writer() override {
        {
            std::scoped_lock const guard(mutex_);
            ends_ = true;
        }
        news_.notify_one();
        thread_.join();
    }

    void write(std::string_view line) override {
        bool is_first = false;
        {
            std::scoped_lock const guard(mutex_);
            is_first = waiting_.empty();
            dropped_ += waiting_.put(line) ? 1U : 0U;
        }
        if (is_first) {
            news_.notify_one();
        }
    }
    std::size_t dropped() const override {
        std::scoped_lock const guard(mutex_);
        return dropped_;
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        while (!ends_ || !waiting_.empty()) {
            news_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
            news_.wait_for(lock, gathering, [this] { return ends_; });
            std::swap(waiting_, in_hand_);
            lock.unlock();
            write_in_hand();
            lock.lock();
        }
    }

    void write_in_hand() {
        if (sink_) {
            in_hand_.take_all(sink_);
            return;
        }
        batch_.clear();
        in_hand_.take_all([this](std::string const& line) {
            batch_.append(line).push_back('\n');
            if (batch_.size() > most_at_once) {
                write_to_stdout(batch_);
                batch_.clear();
            }
        });
        write_to_stdout(batch_);
    }

    static constexpr std::size_t most_at_once = 64 << 10;

    line_sink sink_;
    mutable std::mutex mutex_;
    std::condition_variable news_;
    line_ring waiting_;        // under mutex_
    std::size_t dropped_ = 0;  // under mutex_
    bool ends_ = false;        // under mutex_
    line_ring in_hand_;        // of the thread, but for the exchange
    std::string batch_;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<line_writer> make_line_writer(std::size_t queue_lines, line_sink sink) {
    return std::make_unique<gathering_writer>(queue_lines, std::move(sink));
}

}  // namespace sidecache::telemetry
