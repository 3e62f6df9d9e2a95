#include "tests/support/process.hpp"

#include "tests/support/file_descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

extern char** environ;

namespace sidecache::tests {
namespace {

using clock = std::chrono::steady_clock;

struct pipe_pair {
    file_descriptor read, write;
};

pipe_pair make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    return {file_descriptor(ends[0]), file_descriptor(ends[1])};
}

std::vector<std::string> merged_environment(process_options const& options) {
    std::vector<std::string> out;
    for (char** e = environ; *e != nullptr; ++e) {
        std::string_view const line(*e);
        bool replaced = false;
        for (auto const& [name, value] : options.environment) {
            replaced = replaced || line.substr(0, line.find('=')) == name;
        }
        if (!replaced) {
            out.emplace_back(line);
        }
    }
    for (auto const& [name, value] : options.environment) {
        out.push_back(name + "=" + value);
    }
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (auto& s : strings) {
        out.push_back(s.data());
    }
    out.push_back(nullptr);
    return out;
}

}  // namespace

struct process::impl {
    pid_t pid = -1;
    std::string name;
    file_descriptor pidfd;
    std::optional<exit_status> ended;
    std::size_t searched = 0;  // in `lines`, by wait_for_line

    // Written by the reader thread.
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::array<std::string, 2> text;
    std::array<std::size_t, 2> line_start{};
    std::vector<std::string> lines;  // complete lines of both outputs, as they came
    bool closed = false;
    file_descriptor wake;  // closing it ends the reader, whoever may still hold the pipes
    std::thread reader;

    void read_all(file_descriptor out, file_descriptor err, file_descriptor woken) {
        std::array<pollfd, 3> fds{pollfd{out.value(), POLLIN, 0},
                                  pollfd{err.value(), POLLIN, 0},
                                  pollfd{woken.value(), POLLIN, 0}};
        std::array<char, 16384> buffer{};
        while (fds[0].fd >= 0 || fds[1].fd >= 0) {
            if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
                break;
            }
            for (std::size_t i = 0; i < 2; ++i) {
                if (fds[i].fd < 0 || fds[i].revents == 0) {
                    continue;
                }
                auto const n = ::read(fds[i].fd, buffer.data(), buffer.size());
                if (n <= 0) {
                    fds[i].fd = -1;
                    continue;
                }
                take(i, {buffer.data(), static_cast<std::size_t>(n)});
            }
            if (fds[2].revents != 0) {
                break;
            }
        }
        std::lock_guard const lock(mutex);
        closed = true;
        changed.notify_all();
    }

    void take(std::size_t stream, std::string_view some) {
        std::lock_guard const lock(mutex);
        auto& all = text[stream];
        auto& start = line_start[stream];
        all += some;
        for (auto end = all.find('\n', start); end != std::string::npos;
             end = all.find('\n', start)) {
            lines.push_back(all.substr(start, end - start));
            start = end + 1;
        }
        changed.notify_all();
    }

    /// Whether it has ended; waits for that up to `patience`.
    bool poll_exit(std::chrono::milliseconds patience) {
        if (ended) {
            return true;
        }
        pollfd fd{pidfd.value(), POLLIN, 0};
        auto const until = clock::now() + patience;
        for (;;) {
            auto const left =
                std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
            auto const wait = std::max<std::int64_t>(0, left.count());
            int const n = ::poll(&fd, 1, static_cast<int>(wait));
            if (n == 0) {
                return false;
            }
            if (n > 0) {
                break;
            }
        }
        int status = 0;
        if (::waitpid(pid, &status, 0) != pid) {
            throw std::system_error(errno, std::generic_category(), "waitpid " + name);
        }
        ended = WIFEXITED(status) ? exit_status{WEXITSTATUS(status), 0}
                                  : exit_status{0, WTERMSIG(status)};
        return true;
    }
};

process::process(process_options options) : impl_(std::make_unique<impl>()) {
    auto out = make_pipe();
    auto err = make_pipe();
    auto failure = make_pipe();  // carries errno of a failed exec; closed by a good one
    auto waker = make_pipe();
    auto environment = merged_environment(options);
    auto const envp = pointers(environment);
    auto const argv = pointers(options.argv);
    impl_->name = options.argv.at(0);

    pid_t const parent = ::getpid();
    pid_t const pid = ::fork();
    if (pid < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (pid == 0) {  // async-signal-safe calls only
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) {
            ::_exit(127);
        }
        ::setpgid(0, 0);
        int const null = ::open("/dev/null", O_RDONLY);
        ::dup2(null, 0);
        ::dup2(out.write.value(), 1);
        ::dup2(err.write.value(), 2);
        if (options.core) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(static_cast<unsigned>(*options.core), &set);
            ::sched_setaffinity(0, sizeof set, &set);
        }
        if (options.directory.empty() || ::chdir(options.directory.c_str()) == 0) {
            environ = const_cast<char**>(envp.data());
            ::execvp(argv[0], argv.data());
        }
        int const why = errno;
        [[maybe_unused]] auto const n = ::write(failure.write.value(), &why, sizeof why);
        ::_exit(127);
    }
    ::setpgid(pid, pid);  // in both, so that it holds whoever runs first
    impl_->pid = pid;
    impl_->pidfd = file_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    failure.write.close();
    out.write.close();
    err.write.close();
    int why = 0;
    if (::read(failure.read.value(), &why, sizeof why) == sizeof why) {
        ::waitpid(pid, nullptr, 0);
        throw std::system_error(why, std::generic_category(), "cannot start " + impl_->name);
    }
    impl_->wake = std::move(waker.write);
    impl_->reader = std::thread([state = impl_.get(),
                                 o = std::move(out.read),
                                 e = std::move(err.read),
                                 w = std::move(waker.read)]() mutable {
        state->read_all(std::move(o), std::move(e), std::move(w));
    });
}

process::process(process&&) noexcept = default;

process& process::operator=(process&& other) noexcept {
    process gone(std::move(*this));
    impl_ = std::move(other.impl_);
    return *this;
}

process::~process() {
    if (!impl_) {
        return;
    }
    if (!impl_->ended) {
        ::kill(-impl_->pid, SIGKILL);
        ::waitpid(impl_->pid, nullptr, 0);
    } else {
        ::kill(-impl_->pid, SIGKILL);  // what it left behind in its group
    }
    impl_->wake.close();
    if (impl_->reader.joinable()) {
        impl_->reader.join();
    }
}

pid_t process::pid() const {
    return impl_->pid;
}

std::string process::wait_for_line(std::string_view text, std::chrono::milliseconds patience) {
    auto const until = clock::now() + patience;
    std::unique_lock lock(impl_->mutex);
    for (;;) {
        for (; impl_->searched < impl_->lines.size(); ++impl_->searched) {
            if (impl_->lines[impl_->searched].find(text) != std::string::npos) {
                return impl_->lines[impl_->searched++];
            }
        }
        if (impl_->closed || clock::now() >= until) {
            throw std::runtime_error(impl_->name + " did not print \"" + std::string(text) +
                                     "\" but:\n" + impl_->text[0] + impl_->text[1]);
        }
        impl_->changed.wait_until(lock, until);
    }
}

std::string process::output() const {
    std::lock_guard const lock(impl_->mutex);
    return impl_->text[0] + impl_->text[1];
}

std::string process::standard_output() const {
    std::lock_guard const lock(impl_->mutex);
    return impl_->text[0];
}

std::string process::standard_error() const {
    std::lock_guard const lock(impl_->mutex);
    return impl_->text[1];
}

void process::signal(int number) {
    if (!impl_->ended) {
        ::kill(impl_->pid, number);
    }
}

void process::kill() {
    signal(SIGKILL);
    wait();
}

void process::terminate() {
    signal(SIGTERM);
}

void process::pause() {
    signal(SIGSTOP);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(impl_->pid), &info, WSTOPPED | WNOWAIT);
}

void process::resume() {
    signal(SIGCONT);
}

bool process::running() {
    return !impl_->poll_exit(std::chrono::milliseconds(0));
}

exit_status process::wait(std::chrono::milliseconds patience) {
    if (!impl_->poll_exit(patience)) {
        throw std::runtime_error(impl_->name + " is still running; it printed:\n" + output());
    }
    std::unique_lock lock(impl_->mutex);
    // A grandchild may keep the pipes open: its output is not waited for for ever.
    impl_->changed.wait_for(lock, std::chrono::seconds(2), [this] { return impl_->closed; });
    return *impl_->ended;
}

std::chrono::microseconds process::cpu_time() const {
    std::ifstream stat("/proc/" + std::to_string(impl_->pid) + "/stat");
    std::string line;
    std::getline(stat, line);
    // Fields 14 and 15 (proc(5)), counted behind the name, which may hold blanks.
    auto const behind = line.rfind(')');
    if (behind == std::string::npos) {
        throw std::runtime_error(impl_->name + " has no /proc entry");
    }
    long long user = 0, system = 0;
    if (std::sscanf(line.c_str() + behind + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld",
                    &user,
                    &system) != 2) {
        throw std::runtime_error("unreadable /proc entry: " + line);
    }
    return std::chrono::microseconds((user + system) * 1'000'000 / ::sysconf(_SC_CLK_TCK));
}

finished run(process_options options, std::chrono::milliseconds patience) {
    process p(std::move(options));
    auto const status = p.wait(patience);
    return {status, p.standard_output(), p.standard_error()};
}

}  // namespace sidecache::tests
