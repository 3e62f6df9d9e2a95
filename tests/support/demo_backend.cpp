#include "tests/support/demo_backend.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include <charconv>
#include <stdexcept>

namespace sidecache::tests {
namespace json = boost::json;
namespace {

std::string from_hex(std::string_view digits) {
    std::string out;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        unsigned byte = 0;
        std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
        out += static_cast<char>(byte);
    }
    return out;
}

std::int64_t counter(std::string const& counters, char const* table, std::string_view name) {
    auto const all = json::parse(counters);
    auto const* const n = all.at(table).as_object().if_contains(name);
    return n == nullptr ? 0 : n->to_number<std::int64_t>();
}

std::int64_t counter(std::string const& counters, char const* name) {
    return json::parse(counters).at(name).to_number<std::int64_t>();
}

}  // namespace

std::uint16_t port_at_end(std::string const& line) {
    auto const colon = line.rfind(':');
    int port = 0;
    std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
    if (colon == std::string::npos || port <= 0 || port > 65535) {
        throw std::runtime_error("no port at the end of: " + line);
    }
    return static_cast<std::uint16_t>(port);
}

demo_backend::demo_backend(int products, int users) : products_(products), users_(users) {
    start();
}

void demo_backend::start() {
    process_options options;
    options.argv = {DEMO_BACKEND,
                    "--port",
                    std::to_string(port_),
                    "--control-port",
                    "0",
                    "--database",
                    (folder_.path() / "products.db").string()};
    if (port_ == 0) {
        options.argv.insert(
            options.argv.end(),
            {"--seed", std::to_string(products_), "--users", std::to_string(users_)});
    }
    process_.emplace(std::move(options));
    control_ = port_at_end(process_->wait_for_line("control listening on"));
    port_ = port_at_end(process_->wait_for_line("backend listening on"));
}

void demo_backend::ask(std::string_view method,
                       std::string_view target,
                       std::string_view body) const {
    auto const r = fetch(control_, method, target, {}, body);
    if (r.status >= 300) {
        throw std::runtime_error("the demo backend refused " + std::string(target) + ": " + r.body);
    }
}

std::string demo_backend::counters() const {
    return fetch(control_, "GET", "/counters").body;
}

std::int64_t demo_backend::count(std::string_view route) const {
    return counter(counters(), "routes", route);
}
std::int64_t demo_backend::count_target(std::string_view method_and_target) const {
    return counter(counters(), "targets", method_and_target);
}
std::int64_t demo_backend::total() const {
    return counter(counters(), "total");
}
std::int64_t demo_backend::max_in_flight() const {
    return counter(counters(), "maxInFlight");
}
void demo_backend::forget() {
    ask("DELETE", "/counters");
}

std::vector<demo_backend::seen> demo_backend::requests() const {
    auto const all = json::parse(fetch(control_, "GET", "/requests").body);
    std::vector<seen> out;
    for (auto const& r : all.at("requests").as_array()) {
        seen s;
        s.method = json::value_to<std::string>(r.at("method"));
        s.target = json::value_to<std::string>(r.at("target"));
        s.body = from_hex(json::value_to<std::string>(r.at("bodyHex")));
        for (auto const& f : r.at("fields").as_array()) {
            s.fields.emplace_back(json::value_to<std::string>(f.at(0)),
                                  json::value_to<std::string>(f.at(1)));
        }
        out.push_back(std::move(s));
    }
    return out;
}

std::vector<demo_backend::commit> demo_backend::commits() const {
    std::vector<commit> out;
    for (std::int64_t last = 0;;) {
        auto const page =
            json::parse(fetch(control_, "GET", "/commits?after=" + std::to_string(last)).body);
        auto const& rows = page.as_array();
        if (rows.empty()) {
            return out;
        }
        for (auto const& r : rows) {
            last = r.at(0).as_int64();
            out.push_back({r.at(1).as_int64(),
                           r.at(2).as_int64(),
                           r.at(3).as_int64(),
                           r.at(4).as_int64(),
                           r.at(5).as_int64(),
                           r.at(6).as_int64(),
                           r.at(7).as_int64()});
        }
    }
}

void demo_backend::fault(std::string_view json_text) {
    ask("POST", "/faults", json_text);
}
void demo_backend::heal() {
    ask("DELETE", "/faults");
}
void demo_backend::release(std::string const& method) {
    ask("POST", "/release" + (method.empty() ? "" : "?method=" + method));
}
void demo_backend::wait_held(int at_least) {
    ask("GET", "/held?atLeast=" + std::to_string(at_least));
}
void demo_backend::validated(bool on) {
    ask("PUT", on ? "/validated?on=1" : "/validated?on=0");
}
void demo_backend::gzip(bool on) {
    ask("PUT", on ? "/gzip?on=1" : "/gzip?on=0");
}

}  // namespace sidecache::tests
