#include "tests/support/process.hpp"
#include "tests/support/stack.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The program at a terminal of its own: colors, and `stats --watch`.
namespace sidecache::tests {
namespace {

/// Runs a program with a pseudo terminal as its own, as a shell would.
class terminal {
public:
    explicit terminal(std::vector<std::string> argv) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
        if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) {
            throw std::runtime_error("no pseudo terminal");
        }
        std::string const name = ::ptsname(master_);
        winsize const size{40, 120, 0, 0};
        std::vector<char*> words;
        for (auto& word : argv) {
            words.push_back(word.data());
        }
        words.push_back(nullptr);
        child_ = ::fork();
        if (child_ == 0) {
            ::setsid();  // the first terminal it opens is its own then
            int const slave = ::open(name.c_str(), O_RDWR);
            ::ioctl(slave, TIOCSWINSZ, &size);
            for (int const to : {0, 1, 2}) {
                ::dup2(slave, to);
            }
            ::setenv("TERM", "xterm", 1);
            ::unsetenv("NO_COLOR");
            ::execv(words[0], words.data());
            ::_exit(127);
        }
    }
    ~terminal() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
        ::close(master_);
    }
    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;

    /// Reads until the output holds `text`, or has ended.
    bool reads(std::string_view text) {
        std::array<char, 4096> piece{};
        while (seen_.find(text) == std::string::npos) {
            pollfd ready{master_, POLLIN, 0};
            if (::poll(&ready, 1, 20'000) != 1) {
                return false;
            }
            auto const n = ::read(master_, piece.data(), piece.size());
            if (n <= 0) {
                return false;
            }
            seen_.append(piece.data(), static_cast<std::size_t>(n));
        }
        return true;
    }
    void type(std::string_view keys) {
        REQUIRE(::write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
    }
    int ends() {
        reads("\x01never\x01");
        int status = 0;
        ::waitpid(child_, &status, 0);
        child_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    std::string const& seen() const { return seen_; }

private:
    int master_;
    pid_t child_ = -1;
    std::string seen_;
};

TEST_CASE("check is colored at a terminal, and only there") {
    auto const file = std::string(SIDECACHE_CONFIG_DIR) + "/products.yaml";
    terminal t({sidecache_program(), "check", file});
    CHECK(t.ends() == 0);
    CHECK(t.seen().find("\x1B[32mno findings\x1B[0m") != std::string::npos);
    CHECK(sidecache_command({"check", file}).out.find('\x1B') == std::string::npos);
    CHECK(sidecache_command({"check", "--color", "always", file}).out.find('\x1B') !=
          std::string::npos);
    CHECK(sidecache_command({"check", file}, {{"CLICOLOR_FORCE", "1"}}).out.find('\x1B') !=
          std::string::npos);
    CHECK(sidecache_command({"check", "--color=sometimes", file}).status == exit_status{2, 0});
}

TEST_CASE("stats --watch redraws in place; Ctrl-C gives the screen back") {
    stack_options one;
    one.replicas = 1;
    one.store_url = "memory://";
    stack s(one);
    auto const admin = "http://127.0.0.1:" + std::to_string(s[0].admin_port());

    terminal t({sidecache_program(), "stats", "--admin", admin, "--watch", "0.1"});
    REQUIRE(t.reads("\x1B[?1049h\x1B[?25l"));
    REQUIRE(t.reads("now hits"));
    t.type("\x03");
    CHECK(t.ends() == 0);
    CHECK(t.seen().find("\x1B[?25h\x1B[?1049l") != std::string::npos);
    // What was seen last stays below.
    CHECK(t.seen().rfind("product-details") > t.seen().find("\x1B[?1049l"));

    auto const lines =
        sidecache_command({"stats", "--admin", admin, "--watch", "0.1", "--samples", "3"});
    CHECK(lines.status == exit_status{0, 0});
    CHECK(lines.out.find('\x1B') == std::string::npos);
    CHECK(std::ranges::count(lines.out, '\n') == 3);
    CHECK(lines.out.find("requests/s ") != std::string::npos);
}

}  // namespace
}  // namespace sidecache::tests
