#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sidecache::tests {

/// How a reader that forgives nothing sees the front of some bytes: written down a second time,
/// from RFC 9112 alone and without a line of the proxy's, so that the two can be held against each
/// other.
struct strict_request {
    enum class verdict {
        incomplete,  ///< so far it is right
        complete,
        wrong,  ///< `why`
    };
    verdict what = verdict::incomplete;
    std::string why;
    std::size_t size = 0;  ///< of the whole request, when it is complete
    std::string method;
    std::string target;
    std::string host;
    std::string content;  // de-chunked
};

/// Reads one request: `method SP origin-form SP HTTP/1.1`, field lines `token: value` of visible
/// characters, exactly one Host, at most one of one Content-Length (digits alone) and one
/// `Transfer-Encoding: chunked`, chunks without extensions, no trailers, CRLF everywhere.
strict_request read_strictly(std::string_view bytes);

}  // namespace sidecache::tests
