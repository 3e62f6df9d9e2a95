#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::tests {

/// How a process ended: `code` when it returned, `signal` (not 0) when one killed it.
struct exit_status {
    int code = 0;
    int signal = 0;
    bool operator==(exit_status const&) const = default;
};

struct process_options {
    std::vector<std::string> argv{};  // argv[0] is looked up in PATH
    /// Added to, or replacing, what this process has in its environment.
    std::vector<std::pair<std::string, std::string>> environment{};
    std::string directory{};  // empty: this process's own
    /// Runs on this core only; nullopt: anywhere.
    std::optional<int> core{};
};

/// A child process with both outputs read into memory, line by line, as they come. It never
/// outlives its object (SIGKILL to its process group), nor the thread that made it
/// (PR_SET_PDEATHSIG: so make it on a thread that stays). Methods from one thread.
class process {
public:
    static constexpr std::chrono::seconds default_patience{20};

    /// Throws std::runtime_error when it cannot be started.
    explicit process(process_options options);
    ~process();
    process(process&&) noexcept;
    process& operator=(process&&) noexcept;

    pid_t pid() const;

    /// The first line of either output, from where the last call of this function stopped, that
    /// holds `text`. Throws with everything printed so far when the process ends, or `patience` is
    /// over, before.
    std::string wait_for_line(std::string_view text,
                              std::chrono::milliseconds patience = default_patience);

    /// Everything printed so far on both outputs.
    std::string output() const;
    std::string standard_output() const;
    std::string standard_error() const;

    void signal(int number);
    void kill();       ///< SIGKILL, and waits until it is gone.
    void terminate();  ///< SIGTERM; does not wait.
    void pause();      ///< SIGSTOP, and waits until it has stopped.
    void resume();     ///< SIGCONT.

    bool running();
    /// Waits for its end and for the end of its output. Throws when `patience` is over.
    exit_status wait(std::chrono::milliseconds patience = default_patience);
    /// User and system time it has used so far.
    std::chrono::microseconds cpu_time() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

struct finished {
    exit_status status;
    std::string out;
    std::string err;
};

/// Runs a program to its end.
finished run(process_options options,
             std::chrono::milliseconds patience = process::default_patience);

}  // namespace sidecache::tests
