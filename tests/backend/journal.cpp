#include "tests/backend/journal.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace backend {
namespace json = boost::json;
namespace {

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15U];
    }
    return out;
}

json::object object_of(std::map<std::string, std::uint64_t, std::less<>> const& counts) {
    json::object o;
    for (auto const& [name, count] : counts) {
        o[name] = count;
    }
    return o;
}

}  // namespace

void journal::arrived(request const& r, std::string_view route) {
    std::lock_guard const lock(mutex_);
    ++total_;
    max_in_flight_ = std::max(max_in_flight_, ++in_flight_);
    ++routes_[std::string(route)];
    ++targets_[r.method + " " + r.target];
    last_.push_back(r);
    if (last_.size() > kept) {
        last_.pop_front();
    }
}

void journal::left() {
    std::lock_guard const lock(mutex_);
    --in_flight_;
}

json::object journal::counters() const {
    std::lock_guard const lock(mutex_);
    return {{"total", total_},
            {"inFlight", in_flight_},
            {"maxInFlight", max_in_flight_},
            {"routes", object_of(routes_)},
            {"targets", object_of(targets_)}};
}

json::object journal::requests() const {
    std::lock_guard const lock(mutex_);
    json::array out;
    for (auto const& r : last_) {
        json::array fields;
        for (auto const& [name, value] : r.fields) {
            fields.push_back(json::array{name, value});
        }
        out.push_back(json::object{{"method", r.method},
                                   {"target", r.target},
                                   {"fields", std::move(fields)},
                                   {"bodyHex", hex(r.body)}});
    }
    return {{"requests", std::move(out)}};
}

void journal::clear() {
    std::lock_guard const lock(mutex_);
    total_ = 0;
    max_in_flight_ = in_flight_;
    routes_.clear();
    targets_.clear();
    last_.clear();
}

}  // namespace backend
