#include "proxy/command/warm.hpp"

#include "proxy/command/print.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>

namespace sidecache::command {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds between_looks{200};

struct progress {
    std::uint64_t run = 0;
    bool is_running = false;
    bool is_cut_short = false;
    std::uint64_t total = 0, done = 0, stored = 0, fresh = 0, skipped = 0, failed = 0;
};

/// The `warm` of a reply.
std::optional<progress> read(std::string_view reply) {
    boost::system::error_code ec;
    auto const parsed = json::parse({reply.data(), reply.size()}, ec);
    auto const* const top = ec ? nullptr : parsed.if_object();
    auto const* const warm = top == nullptr ? nullptr : top->if_contains("warm");
    auto const* const o = warm == nullptr ? nullptr : warm->if_object();
    if (o == nullptr) {
        return std::nullopt;
    }
    auto const number = [&](std::string_view name) {
        auto const* const value = o->if_contains(name);
        boost::system::error_code bad;
        auto const n = value == nullptr ? 0 : value->to_number<std::uint64_t>(bad);
        return bad ? 0 : n;
    };
    auto const flag = [&](std::string_view name) {
        auto const* const value = o->if_contains(name);
        return value != nullptr && value->is_bool() && value->get_bool();
    };
    return progress{number("run"),
                    flag("running"),
                    flag("cut_short"),
                    number("total"),
                    number("done"),
                    number("stored"),
                    number("fresh"),
                    number("skipped"),
                    number("failed")};
}

std::string line(progress const& p) {
    auto const n = [](std::uint64_t value) { return std::to_string(value); };
    return n(p.done) + " of " + n(p.total) + ": " + n(p.stored) + " stored, " + n(p.fresh) +
           " fresh, " + n(p.skipped) + " skipped, " + n(p.failed) + " failed";
}

}  // namespace

std::string warm_text(std::string_view stats) {
    auto const p = read(stats);
    return p ? line(*p) : "no progress in the reply";
}

int warm(warm_options const& asked) {
    auto const complain = [](std::string const& why) {
        to_stderr("sidecache warm: " + why + "\n");
        return 1;
    };
    json::object body;
    if (!asked.paths.empty()) {
        body["paths"] = json::array(asked.paths.begin(), asked.paths.end());
    }
    auto const reply = ask_admin(asked.where, "/warm", body.empty() ? " " : json::serialize(body));
    if (auto const* const why = std::get_if<std::string>(&reply)) {
        return complain(*why);
    }
    auto const& begun = std::get<admin_reply>(reply);
    auto now = read(begun.body);
    if (begun.status != 202 || !now) {
        return complain(refusal_of(begun) + (now ? " (" + line(*now) + ")" : ""));
    }
    auto const mine = now->run;
    bool const is_terminal = ::isatty(STDOUT_FILENO) == 1;
    while (now->is_running) {
        if (is_terminal) {
            to_stdout("\r" + line(*now));
        }
        std::this_thread::sleep_for(between_looks);
        auto const looked = ask_admin(asked.where, "/stats", "");
        if (auto const* const why = std::get_if<std::string>(&looked)) {
            return complain(*why);
        }
        now = read(std::get<admin_reply>(looked).body);
        if (!now || now->run != mine) {
            return complain("another run has begun");
        }
    }
    to_stdout((is_terminal ? "\r" : "") + line(*now) + "\n");
    if (now->is_cut_short) {
        return complain("cut short: that sidecache ends");
    }
    return now->failed == 0 ? 0 : 1;
}

}  // namespace sidecache::command
