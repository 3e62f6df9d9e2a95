#pragma once

#include "tests/backend/message.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace backend {

/// What the service shall do wrong, as a test asks for it.
struct fault {
    enum class moment {
        before,  ///< the request has been read, nothing has been done
        after,   ///< it has been done (committed), nothing has been answered
    };
    enum class ending {
        answer,    ///< as if nothing were
        hang,      ///< no answer; the connection stays until `release`, then closes
        reset,     ///< the connection is reset
        status,    ///< `status` with an error body instead of the answer
        truncate,  ///< the head and half of the body, then the connection closes
    };
    std::string method = "*";
    std::string path = "*";  // exact, or a prefix that ends in '*'
    moment when = moment::before;
    std::chrono::milliseconds delay{0};
    bool hold = false;  ///< waits for `release` first
    ending then = ending::answer;
    int status = 500;
    /// Instead of the answer's content (with `after`).
    std::optional<std::string> body;
    /// Added to the answer (with `after`).
    std::vector<std::pair<std::string, std::string>> fields;
    double rate = 1;          // of the requests it fits, this part
    std::int64_t times = -1;  // so often; -1: always
};

/// Any thread.
class faults {
public:
    void add(fault f);
    /// Forgets them all and lets go of what is held.
    void clear();
    /// Lets go of what is held now, of one method or all (""); what comes later is held again.
    void release(std::string const& method);
    /// Waits until so many requests are held (or hang); false when `patience` is over.
    bool wait_held(std::size_t at_least, std::chrono::milliseconds patience);
    std::uint64_t held() const;
    /// At the end of the program: nothing waits any more.
    void stop();

    /// Applies what fits this request at this moment: waits as told, and says how it ends.
    fault apply(request const& r, fault::moment when);

private:
    std::uint64_t count_held() const;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<fault> list_;
    std::mt19937_64 chance_{1};
    std::map<std::string, std::uint64_t> held_;  // by method
    std::map<std::string, std::uint64_t> releases_;
    bool stopped_ = false;
};

}  // namespace backend
