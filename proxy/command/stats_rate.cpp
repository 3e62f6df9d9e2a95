#include "proxy/command/stats_rate.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace sidecache::command {
namespace {

namespace json = boost::json;

std::uint64_t number(json::object const& from, std::string_view name) {
    auto const* value = from.if_contains(name);
    boost::system::error_code ec;
    auto const n = value == nullptr ? 0 : value->to_number<std::uint64_t>(ec);
    return ec ? 0 : n;
}

request_counts counts(json::value const* requests) {
    request_counts out;
    if (requests == nullptr || !requests->is_object()) {
        return out;
    }
    auto const& o = requests->as_object();
    for (auto const& entry : o) {
        out.all += number(o, entry.key());
    }
    out.hits = number(o, "hit") + number(o, "stale");
    return out;
}

std::uint64_t rise(std::uint64_t before, std::uint64_t after) {
    return after >= before ? after - before : after;
}

}  // namespace

std::optional<stats_sample> read_sample(std::string_view reply) {
    boost::system::error_code ec;
    auto const parsed = json::parse(reply, ec);
    if (ec || !parsed.is_object()) {
        return std::nullopt;
    }
    auto const& all = parsed.as_object();
    stats_sample out;
    if (auto const* rules = all.if_contains("rules"); rules != nullptr && rules->is_array()) {
        for (auto const& rule : rules->as_array()) {
            auto const* o = rule.if_object();
            auto const* name = o == nullptr ? nullptr : o->if_contains("name");
            if (name != nullptr && name->is_string()) {
                out.rules[std::string(name->as_string())] = counts(o->if_contains("requests"));
            }
        }
    }
    out.rules[""] = counts(all.if_contains("no_rule"));
    out.unmatched_mutations = number(all, "unmatched_mutations");
    out.pending = number(all, "purges_pending");
    if (auto const* store = all.if_contains("store"); store != nullptr && store->is_object()) {
        auto const* up = store->as_object().if_contains("up");
        out.store_up = up != nullptr && up->is_bool() && up->as_bool();
    }
    return out;
}

stats_rates rates_between(stats_sample const& before,
                          stats_sample const& after,
                          std::chrono::duration<double> elapsed) {
    stats_rates out;
    auto const seconds = std::max(elapsed.count(), 1e-3);
    auto& total = out["*"];
    for (auto const& [name, now] : after.rules) {
        auto const found = before.rules.find(name);
        auto const then = found == before.rules.end() ? request_counts{} : found->second;
        request_rate const rate{static_cast<double>(rise(then.all, now.all)) / seconds,
                                static_cast<double>(rise(then.hits, now.hits)) / seconds};
        out[name] = rate;
        total.all += rate.all;
        total.hits += rate.hits;
    }
    return out;
}

}  // namespace sidecache::command
