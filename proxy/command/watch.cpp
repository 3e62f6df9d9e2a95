#include "proxy/command/watch.hpp"

#include "proxy/command/print.hpp"
#include "proxy/command/stats.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>
#include <variant>

namespace sidecache::command {
namespace {

using steady = std::chrono::steady_clock;

/// The alternate screen without a cursor, for as long as this lives.
class screen {
public:
    explicit screen(bool is_used) : is_used_(is_used) { put("\x1B[?1049h\x1B[?25l"); }
    ~screen() { put("\x1B[?25h\x1B[?1049l"); }
    screen(screen const&) = delete;
    screen& operator=(screen const&) = delete;

    void draw(std::string_view text) {
        winsize size{};
        bool const is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
        put(frame(text, is_known ? size.ws_row : 24, is_known ? size.ws_col : 80));
    }

private:
    void put(std::string_view text) const {
        if (is_used_) {
            to_stdout(text);
            std::fflush(stdout);
        }
    }
    bool is_used_;
};

/// Blocks the signals that end the watch, so that they are taken where it waits; what was blocked
/// before is so again in the end.
class interrupts {
public:
    interrupts() {
        ::sigemptyset(&set_);
        for (auto const number : {SIGINT, SIGTERM, SIGHUP}) {
            ::sigaddset(&set_, number);
        }
        ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
    }
    ~interrupts() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    interrupts(interrupts const&) = delete;
    interrupts& operator=(interrupts const&) = delete;

    /// False: one of them came before the time was over.
    bool wait(steady::time_point until) const {
        for (;;) {
            auto const left = std::max(until - steady::now(), steady::duration::zero());
            auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
            timespec const rest{seconds.count(), static_cast<long>((left - seconds).count())};
            if (::sigtimedwait(&set_, nullptr, &rest) > 0) {
                return false;
            }
            if (errno != EINTR) {
                return true;  // EAGAIN: the time is over
            }
        }
    }

private:
    sigset_t set_{};
    sigset_t before_{};
};

std::string number(double value) {
    std::array<char, 32> text{};
    auto const size = std::snprintf(text.data(), text.size(), "%.1f", value);
    return {text.data(), static_cast<std::size_t>(std::clamp(size, 0, 31))};
}

std::string clock_text() {
    auto const now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 32> text{};
    auto const size = std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
    return {text.data(), size};
}

/// One look at the admin port.
struct look {
    std::string reply;
    std::string problem;  // empty: there is a reply
};

look look_at(admin_address const& where) {
    auto got = ask_admin(where, "/stats", "");
    if (auto* why = std::get_if<std::string>(&got)) {
        return {{}, std::move(*why)};
    }
    auto& answer = std::get<admin_reply>(got);
    if (answer.status != 200) {
        return {{}, refusal_of(answer)};
    }
    return {std::move(answer.body), {}};
}

}  // namespace

std::string frame(std::string_view text, std::size_t rows, std::size_t columns) {
    std::string out = "\x1B[H";
    for (std::size_t row = 0; row + 1 < rows && !text.empty(); ++row) {
        auto const end = std::min(text.find('\n'), text.size());
        std::size_t shown = 0;
        bool in_code = false;
        for (char const c : text.substr(0, end)) {
            in_code = in_code || c == '\x1B';
            // Codes take no room; a letter's further bytes neither.
            bool const is_letter = !in_code && (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
            shown += is_letter ? 1 : 0;
            if (in_code || shown <= columns) {
                out += c;
            }
            in_code = in_code && c != 'm';
        }
        out += "\x1B[K\r\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + "\x1B[J";
}

std::string watch_line(std::string_view time, stats_sample const& now, stats_rates const& rates) {
    auto const found = rates.find("*");
    auto const total = found == rates.end() ? request_rate{} : found->second;
    auto out =
        std::string(time) + "  requests/s " + number(total.all) + "  hits/s " + number(total.hits);
    if (total.all > 0) {
        out += "  hit ratio " + number(100 * total.hits / total.all) + "%";
    }
    return out + "  pending " + std::to_string(now.pending) + "  unmatched " +
           std::to_string(now.unmatched_mutations) + "  store " + (now.store_up ? "up" : "DOWN") +
           "\n";
}

int watch(watch_options const& asked) {
    bool const is_terminal = ::isatty(STDOUT_FILENO) == 1;
    paint const p(is_colored(asked.colored, STDOUT_FILENO));
    interrupts const signals;
    std::optional<stats_sample> before;
    auto before_at = steady::now();
    std::string last;
    bool answered = false;
    {
        screen view(is_terminal);
        for (std::size_t i = 0; asked.samples == 0 || i < asked.samples; ++i) {
            if (i != 0 && !signals.wait(before_at + asked.every)) {
                break;
            }
            auto const seen = look_at(asked.where);
            auto const now_at = steady::now();
            auto const sample = read_sample(seen.reply);
            answered = sample.has_value();
            auto const rates = sample && before
                                   ? rates_between(*before, *sample, now_at - before_at)
                                   : stats_rates{};
            auto const why =
                seen.problem.empty() ? "the answer is not what sidecache answers" : seen.problem;
            if (is_terminal) {
                last = p.dim(clock_text() + ", every " +
                             number(static_cast<double>(asked.every.count()) / 1'000) +
                             " s; Ctrl-C ends") +
                       "\n\n" +
                       (answered ? p.labels(stats_text(seen.reply, &rates)) : p.error(why) + "\n");
                view.draw(last);
            } else {
                to_stdout(answered ? watch_line(clock_text(), *sample, rates)
                                   : clock_text() + "  " + harmless(why) + "\n");
                std::fflush(stdout);
            }
            before = sample;
            before_at = now_at;
        }
    }
    if (is_terminal) {
        to_stdout(last);  // the screen is what it was before: what was seen last stays below it
    }
    return answered ? 0 : 1;
}

}  // namespace sidecache::command
