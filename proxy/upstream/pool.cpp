#include "proxy/upstream/pool.hpp"

#include "proxy/upstream/http_exchange.hpp"

#include <cassert>
#include <utility>

namespace sidecache::upstream {

namespace {

constexpr std::size_t most_spare = 16;
/// Heads beyond that are rare: their storage goes.
constexpr std::size_t most_kept = 16 << 10;

}  // namespace

pool::pool(executor const& ex, sweeper& sweep, config::upstream const& settings)
    : ex_(ex), sweep_(sweep), endpoints_(ex) {
    configure(settings);
}

pool::~pool() {
    assert(open_.empty() && "an exchange outlives its pool");
}

std::unique_ptr<exchange> pool::open(repeat how, std::chrono::milliseconds deadline) {
    return std::make_unique<http_exchange>(*this, how, deadline);
}

void pool::configure(config::upstream const& settings) {
    bool const moved = settings.address.host != settings_.address.host ||
                       settings.address.port != settings_.address.port;
    bool const is_first = generation_ == 0;
    settings_ = settings;
    if (moved || is_first) {
        ++generation_;
        idle_.clear();
        endpoints_.name(settings.address);
    }
}

void pool::tick() {
    auto const oldest = sweep_.now() - settings_.idle_timeout;
    std::erase_if(idle_, [&](auto const& c) { return c->idle_since < oldest; });
}

void pool::abort() {
    idle_.clear();
    ++generation_;
    for (auto* e : open_) {
        e->abort();
    }
}

task<void> pool::join() {
    co_await endpoints_.join();
}

std::unique_ptr<connection> pool::take() {
    while (!idle_.empty()) {
        auto last = std::move(idle_.back());
        idle_.pop_back();
        if (!last->incoming.has_news()) {
            return last;
        }
    }
    return nullptr;
}

std::unique_ptr<exchange_space> pool::borrow_space() {
    if (spaces_.empty()) {
        return std::make_unique<exchange_space>();
    }
    auto last = std::move(spaces_.back());
    spaces_.pop_back();
    return last;
}

void pool::give_back(std::unique_ptr<exchange_space> used) {
    bool const is_small = used->out.capacity() + used->head.fields.characters() < most_kept;
    if (!is_small || spaces_.size() >= most_spare) {
        return;
    }
    used->parser.reset();
    used->taken.consume(used->taken.size());
    used->taken.shrink();
    spaces_.push_back(std::move(used));
}

std::size_t pool::enter(http_exchange& e) {
    open_.push_back(&e);
    return open_.size() - 1;
}

void pool::leave(http_exchange& e) {
    auto* const last = open_.back();
    open_[e.place_] = last;
    last->place_ = e.place_;
    open_.pop_back();
}

void pool::give(std::unique_ptr<connection> c) {
    if (idle_.size() >= settings_.max_idle) {
        return;
    }
    c->idle_since = sweep_.now();
    c->buffer.shrink();
    c->incoming.watch(c->buffer.prepare(1));
    idle_.push_back(std::move(c));
}

}  // namespace sidecache::upstream
