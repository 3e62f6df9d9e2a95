#include "proxy/upstream/endpoints.hpp"

#include <string>

namespace sidecache::upstream {

endpoints::endpoints(executor const& ex) : ex_(ex), resolved_(ex), look_ups_(ex) {}

void endpoints::name(config::endpoint const& where) {
    where_ = where;
    ++generation_;
    looking_ = false;
    known_.clear();
    known_until_ = {};
    error_code not_literal;
    auto const address = asio::ip::make_address(where.host, not_literal);
    literal_ = !not_literal;
    if (literal_) {
        known_.emplace_back(address, where.port);
    }
}

task<std::vector<tcp::endpoint>> endpoints::find(std::function<bool()> given_up) {
    auto const fresh = [this] {
        return literal_ || (!known_.empty() && std::chrono::steady_clock::now() < known_until_);
    };
    auto const seen = looked_up_;
    while (!fresh() && looked_up_ == seen && !given_up()) {
        if (!looking_) {
            looking_ = true;
            look_ups_.spawn("look-up of the upstream's name", look_up(generation_));
        }
        co_await resolved_.wait();
    }
    co_return known_;
}

task<void> endpoints::look_up(unsigned generation) {
    resolver names(ex_);
    // Copies: the name may change while getaddrinfo runs.
    std::string const host = where_.host;
    std::string const port = std::to_string(where_.port);
    auto const [ec, found] = co_await names.async_resolve(
        host, port, asio::ip::resolver_base::numeric_service, as_tuple);
    if (generation == generation_) {
        looking_ = false;
        ++looked_up_;
        if (!ec) {
            known_.clear();
            for (auto const& entry : found) {
                known_.push_back(entry.endpoint());
            }
            known_until_ = std::chrono::steady_clock::now() + keep;
        }
    }
    resolved_.notify_all();
}

task<void> endpoints::join() {
    co_await look_ups_.join();
}

}  // namespace sidecache::upstream
