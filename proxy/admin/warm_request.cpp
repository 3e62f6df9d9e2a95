#include "proxy/admin/warm_request.hpp"

#include "config/model.hpp"
#include "config/warm_reader.hpp"
#include "proxy/cache/warmer.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>

namespace sidecache::admin {

namespace {

constexpr std::string_view usage =
    R"(send {"paths": ["/products", ...]} as JSON, or nothing for what the configuration names)";

}  // namespace

std::variant<std::vector<std::string>, std::string> paths_to_warm(config::model const& config,
                                                                  std::string_view body) {
    std::vector<std::string> out;
    if (body.find_first_not_of(" \r\n") == std::string_view::npos) {
        if (config.warm) {
            out = config.warm->paths;
        }
        if (out.empty()) {
            return "the configuration names nothing to fetch (`warm.paths`): " + std::string(usage);
        }
        return out;
    }
    boost::system::error_code ec;
    auto const document = boost::json::parse({body.data(), body.size()}, ec);
    if (ec) {
        return "the body is not JSON (" + ec.message() + "): " + std::string(usage);
    }
    auto const* const members = document.if_object();
    auto const* const paths =
        members == nullptr || members->size() != 1 ? nullptr : members->if_contains("paths");
    auto const* const list = paths == nullptr ? nullptr : paths->if_array();
    if (list == nullptr || list->empty()) {
        return std::string(usage);
    }
    if (list->size() > max_warm_paths) {
        return "a request names at most 10000 paths: send several, one after the other";
    }
    for (auto const& item : *list) {
        if (!item.is_string() || !config::is_target(std::string_view(item.get_string()))) {
            return "a path begins with '/' and holds neither spaces nor '#': " + std::string(usage);
        }
        out.emplace_back(item.get_string());
    }
    return out;
}

boost::json::object progress_json(cache::warm_progress const& p) {
    boost::json::object out;
    out["run"] = p.run;
    out["running"] = p.is_running;
    out["cut_short"] = p.is_cut_short;
    out["total"] = p.total;
    out["done"] = p.done;
    for (std::size_t i = 0; i < telemetry::warm_outcomes; ++i) {
        out[telemetry::name(static_cast<telemetry::warm_outcome>(i))] = p.by_outcome[i];
    }
    return out;
}

answer warm_answer(bool has_begun, cache::warm_progress const& p) {
    boost::json::object out;
    if (!has_begun) {
        out["error"] = p.is_running ? "one run at a time: this one is under way"
                                    : "this process is about to end";
    }
    out["warm"] = progress_json(p);
    return json(has_begun ? 202 : p.is_running ? 409 : 503, out);
}

}  // namespace sidecache::admin
