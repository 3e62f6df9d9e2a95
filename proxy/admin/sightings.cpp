#include "proxy/admin/sightings.hpp"

#include "proxy/telemetry/watch.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace sidecache::admin {

namespace {

constexpr std::size_t most_keys = 25;
constexpr std::size_t most_mutations = 50;

double in_seconds(std::chrono::nanoseconds d) {
    return std::chrono::duration<double>(std::chrono::round<std::chrono::microseconds>(d)).count();
}

}  // namespace

answer hottest_keys(telemetry::watches const& seen, boot_clock::time_point now) {
    boost::json::array keys;
    for (auto const& k : seen.hottest(most_keys, now)) {
        boost::json::object o;
        o["key"] = k.key;
        o["cut"] = k.is_cut;
        o["rule"] = k.rule;
        o["per_second"] = k.per_second;
        o["hit_ratio"] = k.hit_share;
        keys.push_back(std::move(o));
    }
    boost::json::object out;
    out["half_life_seconds"] = telemetry::hot_keys::half_life.count();
    out["keys"] = std::move(keys);
    return json(200, out);
}

answer latest_mutations(telemetry::watches const& seen) {
    boost::json::array mutations;
    for (auto const& m : seen.latest_mutations(most_mutations)) {
        boost::json::object o;
        o["at_ms"] = m.at;
        o["method"] = m.method;
        o["path"] = m.path;
        o["purge"] = m.purges;
        o["outcome"] = m.outcome;
        o["tags"] = boost::json::array(m.tags.begin(), m.tags.end());
        o["tags_in_all"] = m.tag_count;
        o["keys_removed"] = m.keys_removed;
        o["seconds"] = in_seconds(m.took);
        o["upstream_seconds"] = in_seconds(m.upstream);
        mutations.push_back(std::move(o));
    }
    boost::json::object out;
    out["mutations"] = std::move(mutations);
    return json(200, out);
}

}  // namespace sidecache::admin
