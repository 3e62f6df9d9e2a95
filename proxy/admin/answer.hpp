#pragma once

#include <boost/json/fwd.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::admin {

/// What a route answers with.
struct answer {
    unsigned status = 200;
    std::string type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields;
};

answer text(unsigned status, std::string body);
/// One line of JSON with a line end, for people with curl.
answer json(unsigned status, boost::json::value const& value);
/// {"error": "..."}: what is wrong and what to do about it.
answer failure(unsigned status, std::string_view what);

/// A duration in seconds: a whole number where it is one, so that people read 600, not 6E2.
boost::json::value seconds(std::chrono::milliseconds d);

std::string_view reason_phrase(unsigned status);

}  // namespace sidecache::admin
