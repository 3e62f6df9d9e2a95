#include "proxy/admin/answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace sidecache::admin {

answer text(unsigned status, std::string body) {
    return answer{status, "text/plain; charset=utf-8", std::move(body), {}};
}

answer json(unsigned status, boost::json::value const& value) {
    return answer{status, "application/json", boost::json::serialize(value) + "\n", {}};
}

answer failure(unsigned status, std::string_view what) {
    boost::json::object o;
    o["error"] = what;
    return json(status, o);
}

boost::json::value seconds(std::chrono::milliseconds d) {
    if (d.count() % 1'000 == 0) {
        return d.count() / 1'000;
    }
    return std::chrono::duration<double>(d).count();
}

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 503:
            return "Service Unavailable";
        default:
            return "";
    }
}

}  // namespace sidecache::admin
