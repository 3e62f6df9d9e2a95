#pragma once

#include "proxy/http/framing.hpp"
#include "proxy/http/message.hpp"

#include <boost/system/error_code.hpp>

#include <chrono>
#include <string>
#include <string_view>

/// Heads of answers as bytes, and the answers that the proxy gives by itself. Any thread.
namespace sidecache::http {

/// "Not Found"; empty for a status nobody has named.
std::string_view reason_phrase(unsigned status);

/// Whether an answer of that status can have content at all (RFC 9110 section 6.4.1).
inline bool status_has_content(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

/// IMF-fixdate of now (RFC 9110 section 5.6.7); made once a second a thread. Valid until the next
/// call on this thread.
std::string_view http_date_now();

enum class connection_field {
    none,        ///< what the fields say (101)
    keep_alive,  ///< for HTTP/1.0 clients, which close otherwise
    close,
};

/// Appends status line, fields, Date where there is none, and the framing fields that `head.body`
/// asks for; up to and including the empty line.
void write_response_head(std::string& out, response_head const& head, connection_field connection);

/// The framing that a head is written with, where it is another than its own.
struct content_framing {
    framing body = framing::none;
    std::uint64_t length = 0;
};
void write_response_head(std::string& out,
                         response_head const& head,
                         content_framing framed,
                         connection_field connection);

/// "HTTP/1.1 103 Early Hints", its fields, the empty line.
void write_interim_head(std::string& out, response_head const& head);

struct ready_answer {
    response_head head;
    std::string body;
};
/// An error of our own: a line of text that says what is wrong, `Cache-Control: no-store`, and for
/// 503 a Retry-After. `Connection: close` is the session's to add.
ready_answer error_answer(unsigned status, std::string_view why);

/// What to answer when `downstream::read_body` has failed: 400 for content that is not framed as
/// it says, 408 for a client that stopped, 413 for too much; 0 when the client has gone away.
refusal refusal_of(boost::system::error_code body_error);

}  // namespace sidecache::http
