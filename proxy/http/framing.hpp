#pragma once

#include "proxy/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// What makes a message mean one thing only, beyond the grammar of a line: line ends, folded lines,
/// lengths, Host, the form of the target. Pure; any thread. A proxy that reads a request in another
/// way than the server behind it lets one client speak in the name of the next (RFC 9112 section
/// 11.2), so whatever can be read in two ways is refused.
namespace sidecache::http {

/// An answer instead of the request: status 0 means nothing is wrong. `why` is a literal.
struct refusal {
    unsigned status = 0;
    std::string_view why{};
    explicit operator bool() const { return status != 0; }
};

struct head_limits {
    std::size_t max_target = 8 << 10;   // 414
    std::size_t max_header = 32 << 10;  // 431
};

/// Finds the end of a head in bytes that arrive piece by piece, and refuses what no later look
/// could see: lines ended by a bare LF, CR or NUL inside a line, folded lines (RFC 9112 section
/// 5.2), a request line that is not HTTP/1.x, a head larger than its limits. Each byte is looked
/// at once.
class head_scanner {
public:
    explicit head_scanner(bool is_request, head_limits limits)
        : limits_(limits), is_request_(is_request) {}

    struct step {
        refusal bad;
        std::size_t size = 0;  ///< of the head with its empty line; 0: more is needed
    };
    /// `bytes` begin where the head begins, and only ever grow between calls.
    step scan(std::string_view bytes);
    /// For the next head.
    void reset() { line_ = 0; }

private:
    refusal check_line(std::string_view bytes, std::size_t end) const;
    refusal too_large(std::string_view bytes) const;

    head_limits limits_;
    std::size_t line_ = 0;  // where the first line that is not complete yet begins
    bool is_request_;
};

/// The framing fields of a message, as they came in.
struct framing_fields {
    unsigned content_lengths = 0;
    unsigned transfer_encodings = 0;
    std::string_view content_length{};     ///< of the first one
    std::string_view transfer_encoding{};  ///< of the first one
};

/// Content-Length = 1*DIGIT, below 2^63; nullopt for anything else, a list of equal ones too.
std::optional<std::uint64_t> parse_content_length(std::string_view value);

struct request_framing {
    refusal bad;
    framing body = framing::none;
    std::uint64_t length = 0;
};
/// RFC 9112 section 6.3, read strictly: Transfer-Encoding is exactly one `chunked` or the request
/// is refused (400, 501 for codings we do not know), and so it is beside a Content-Length or in
/// HTTP/1.0; Content-Length comes at most once.
request_framing frame_request(framing_fields const& fields, unsigned version);

struct response_framing {
    bool malformed = false;
    framing body = framing::none;
    std::uint64_t length = 0;
};
/// The same for answers. Several equal Content-Length lines are one (RFC 9110 section 8.6);
/// without either field the content lasts until the connection closes. 1xx and 204 have none.
/// `other_lengths_equal`: every further Content-Length line says what the first one says.
response_framing frame_response(framing_fields const& fields,
                                unsigned version,
                                unsigned status,
                                bool other_lengths_equal);

/// uri-host [":" port] (RFC 9110 section 7.2); an empty one is not valid for http.
bool valid_host(std::string_view host);

/// Brings the target to origin-form (`*` for OPTIONS stays) and `head.host` to the authority that
/// counts: an absolute-form target's replaces Host (RFC 9112 section 3.2.2), in the fields too.
/// 400 for anything else, 405 for CONNECT. `hosts`: how many Host lines came.
refusal normalise_target(request_head& head, unsigned hosts);

}  // namespace sidecache::http
