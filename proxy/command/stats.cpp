#include "proxy/command/stats.hpp"

#include "proxy/command/print.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

namespace sidecache::command {
namespace {

namespace json = boost::json;

/// A member as a person reads it; "-" for one that is not there, so that an older or newer
/// sidecache can be asked as well.
std::string shown(json::object const& from, std::string_view name) {
    auto const* value = from.if_contains(name);
    if (value == nullptr || value->is_null()) {
        return "-";
    }
    if (value->is_bool()) {
        return value->as_bool() ? "yes" : "no";
    }
    if (value->is_string()) {
        return harmless(std::string_view(value->as_string().data(), value->as_string().size()));
    }
    return harmless(json::serialize(*value));
}

json::object const& inside(json::object const& from, std::string_view name) {
    static json::object const none;
    auto const* value = from.if_contains(name);
    return value != nullptr && value->is_object() ? value->as_object() : none;
}

std::vector<json::object> list(json::object const& from, std::string_view name) {
    std::vector<json::object> out;
    auto const* value = from.if_contains(name);
    if (value != nullptr && value->is_array()) {
        for (auto const& one : value->as_array()) {
            if (one.is_object()) {
                out.push_back(one.as_object());
            }
        }
    }
    return out;
}

std::string decimal(double value, std::string_view unit) {
    std::array<char, 32> text{};
    auto const size = std::snprintf(text.data(), text.size(), "%.1f", value);
    return std::string(text.data(), static_cast<std::size_t>(std::clamp(size, 0, 31))) +
           std::string(unit);
}

std::string percent(json::object const& from, std::string_view name) {
    auto const* value = from.if_contains(name);
    return value == nullptr || !value->is_number() ? "-"
                                                   : decimal(value->to_number<double>() * 100, "%");
}

using row = std::vector<std::string>;

/// Columns as wide as they must be; the first to the left, figures to the right.
std::string table(std::vector<row> const& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (auto const& r : rows) {
        for (std::size_t i = 0; i < r.size(); ++i) {
            widths[i] = std::max(widths[i], r[i].size());
        }
    }
    std::string out;
    for (auto const& r : rows) {
        for (std::size_t i = 0; i < r.size(); ++i) {
            auto const padding = std::string(widths[i] - r[i].size(), ' ');
            out += i == 0 ? r[i] + padding : "  " + padding + r[i];
        }
        out += '\n';
    }
    return out;
}

constexpr std::array<std::string_view, 6> results{
    "hit", "stale", "miss", "coalesced", "bypass", "pass"};

row counts(std::string name, json::object const& requests, std::string ratio) {
    row out{std::move(name)};
    for (auto const result : results) {
        out.push_back(shown(requests, result));
    }
    out.push_back(std::move(ratio));
    return out;
}

/// Two more columns: requests a second, and the hit ratio of these.
void add_rate(row& r, stats_rates const* rates, std::string_view rule) {
    if (rates == nullptr) {
        return;
    }
    auto const found = rates->find(rule);
    if (found == rates->end()) {
        r.insert(r.end(), {"-", "-"});
        return;
    }
    auto const& rate = found->second;
    r.push_back(decimal(rate.all, ""));
    r.push_back(rate.all > 0 ? decimal(100 * rate.hits / rate.all, "%") : "-");
}

std::string rules_table(json::object const& all, stats_rates const* rates) {
    row head{"rule"};
    head.insert(head.end(), results.begin(), results.end());
    head.emplace_back("hit ratio");
    if (rates != nullptr) {
        head.insert(head.end(), {"now/s", "now hits"});
    }
    std::vector<row> rows{head};
    for (auto const& rule : list(all, "rules")) {
        auto const name = shown(rule, "name");
        rows.push_back(counts(name, inside(rule, "requests"), percent(rule, "hit_ratio")));
        add_rate(rows.back(), rates, name);
    }
    rows.push_back(counts("(no rule)", inside(all, "no_rule"), "-"));
    add_rate(rows.back(), rates, "");
    return table(rows);
}

/// The phases of a purge are the metric's: whatever members there are.
std::string purges_table(json::object const& all) {
    auto const purges = list(all, "purges");
    if (purges.empty()) {
        return "";
    }
    row head{"purge"};
    for (auto const& member : purges.front()) {
        if (member.key() != "name") {
            head.push_back(harmless(member.key()));
        }
    }
    std::vector<row> rows{head};
    for (auto const& purge : purges) {
        row r{shown(purge, "name")};
        for (std::size_t i = 1; i < head.size(); ++i) {
            r.push_back(shown(purge, head[i]));
        }
        rows.push_back(std::move(r));
    }
    return "\n" + table(rows);
}

}  // namespace

std::string stats_text(std::string_view reply, stats_rates const* rates) {
    boost::system::error_code ec;
    auto const parsed = json::parse(reply, ec);
    if (ec || !parsed.is_object()) {
        return "the admin port's answer is not what sidecache answers\n";
    }
    auto const& all = parsed.as_object();
    auto const& store = inside(all, "store");
    auto const& upstream = inside(all, "upstream");
    auto out = "sidecache " + shown(all, "version") + "\n";
    out += labelled("status",
                    shown(all, "status") + ", up " + shown(all, "uptime_seconds") + " s, " +
                        shown(all, "workers") + " workers");
    out += labelled("config", shown(inside(all, "config"), "file"));
    out += labelled("store",
                    shown(store, "url") + ", up: " + shown(store, "up") +
                        ", breaker open: " + shown(store, "breaker_open") +
                        ", quarantined: " + shown(store, "quarantined"));
    out += labelled("upstream",
                    shown(upstream, "address") + ", reachable: " + shown(upstream, "reachable"));
    out += labelled("pending",
                    shown(all, "purges_pending") + " (purges that the store has not had yet)");
    out += labelled("unmatched",
                    shown(all, "unmatched_mutations") + " (mutations that no purge matched)");
    return out + "\n" + rules_table(all, rates) + purges_table(all);
}

int stats(admin_address const& where, bool as_json, color colored) {
    auto const reply = ask_admin(where, "/stats", "");
    if (auto const* why = std::get_if<std::string>(&reply)) {
        to_stderr("sidecache stats: " + *why + "\n");
        return 1;
    }
    auto const& answer = std::get<admin_reply>(reply);
    if (answer.status != 200) {
        to_stderr("sidecache stats: " + refusal_of(answer) + "\n");
        return 1;
    }
    paint const p(is_colored(colored, STDOUT_FILENO));
    to_stdout(as_json ? answer.body : p.labels(stats_text(answer.body)));
    return 0;
}

}  // namespace sidecache::command
