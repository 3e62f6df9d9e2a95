#include "proxy/identity/key_ring.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace sidecache::identity {

namespace {

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    descriptor(descriptor const&) = delete;
    descriptor& operator=(descriptor const&) = delete;
    int operator*() const { return fd_; }

private:
    int fd_;
};

key_error cannot_read(int number) {
    return {"cannot be read: " + std::error_code(number, std::generic_category()).message()};
}

/// At most one byte more than is taken, so that a file that is too large is seen to be.
std::variant<std::string, key_error> read_file(std::string const& path) {
    // Non-blocking: a pipe in the place of the file must not hold up whoever looks.
    descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status{};
    if (*file < 0 || ::fstat(*file, &status) != 0) {
        return cannot_read(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return key_error{"is no regular file"};
    }
    std::string out;
    std::array<char, 16'384> piece{};
    while (out.size() <= max_key_file) {
        auto const n = ::read(*file, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return cannot_read(errno);
        }
        if (n == 0) {
            break;
        }
        out.append(piece.data(), static_cast<std::size_t>(n));
    }
    return out;
}

}  // namespace

algorithm_set allowed_algorithms(config::jwt const& from) {
    algorithm_set out;
    for (auto const& known : known_algorithms()) {
        if (from.algorithms.empty()) {
            out.add(known.id);
        }
    }
    for (auto const& name : from.algorithms) {
        if (auto const a = parse_algorithm(name)) {
            out.add(*a);
        }
    }
    return out;
}

key_ring::key_ring(config::jwt const& from)
    : file_(from.secret_file.empty() ? from.jwks_file : from.secret_file),
      is_secret_(!from.secret_file.empty()),
      // By default a secret is for every algorithm that it is long enough for.
      wanted_(from.algorithms.empty() ? algorithm_set() : allowed_algorithms(from)),
      keys_(std::make_shared<key_set const>()) {
    look();
}

std::variant<key_set, key_error> key_ring::parse(std::string const& text) const {
    return is_secret_ ? parse_secret(text, wanted_) : parse_jwks(text);
}

std::shared_ptr<key_set const> key_ring::keys() const {
    std::lock_guard const lock(mutex_);
    return keys_;
}

key_ring::change key_ring::look() {
    auto now = read_file(file_);
    if (auto* error = std::get_if<key_error>(&now)) {
        bool const is_news = !error_ || error_->text != error->text;
        seen_.reset();
        error_ = std::move(*error);
        return is_news ? change::broken : change::none;
    }
    auto& text = std::get<std::string>(now);
    if (seen_ == text) {
        return change::none;
    }
    seen_ = std::move(text);
    auto read = parse(*seen_);
    if (auto* error = std::get_if<key_error>(&read)) {
        error_ = std::move(*error);
        return change::broken;
    }
    error_.reset();
    auto made = std::make_shared<key_set const>(std::get<key_set>(std::move(read)));
    std::lock_guard const lock(mutex_);
    keys_ = std::move(made);
    return change::taken;
}

}  // namespace sidecache::identity
