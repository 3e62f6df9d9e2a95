#include "proxy/cache/rejection.hpp"

#include "proxy/telemetry/access_log.hpp"
#include "rules/request.hpp"

#include <string>

namespace sidecache::cache {

std::string_view count_rejection(worker_parts const& parts,
                                 unsigned status,
                                 http::response_head& answer) {
    auto const why = telemetry::rejection_of(status);
    parts.current->metrics->rejected[static_cast<std::size_t>(why)].add();
    answer.fields.add("Cache-Status", "sidecache; detail=" + std::string(telemetry::name(why)));
    return telemetry::name(why);
}

void reject(worker_parts const& parts,
            http::downstream const& client,
            unsigned status,
            http::response_head& answer) {
    auto const detail = count_rejection(parts, status, answer);
    if (!parts.log.wants(false)) {
        return;
    }
    auto const& request = client.request();
    telemetry::access_record line;
    line.method = request.method;
    // Nothing of a target that is no path: absolute ones may hold a password.
    if (request.target.starts_with('/')) {
        line.path = rules::path_of(request.target);
    }
    line.peer = client.peer();
    line.request_id = request.fields.find("X-Request-Id").value_or("");
    line.result = "rejected";
    line.reason = detail;
    line.status = status;
    parts.log.write(line);
}

}  // namespace sidecache::cache
