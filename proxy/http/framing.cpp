#include "proxy/http/framing.hpp"

#include "proxy/http/hop_by_hop.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace sidecache::http {

namespace {

/// Room for a method and a version beside the target, before a request line is called too long.
constexpr std::size_t line_slack = 64;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// What a host's name is made of (RFC 3986 section 3.2.2).
constexpr std::array<bool, 256> make_host_characters() {
    std::array<bool, 256> t{};
    for (std::size_t c = 'a'; c <= 'z'; ++c) {
        t[c] = t[c - 'a' + 'A'] = true;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        t[c] = true;
    }
    for (char const c : std::string_view("-._~!$&'()*+,;=%")) {
        t[static_cast<unsigned char>(c)] = true;
    }
    return t;
}
constexpr auto host_characters = make_host_characters();

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "GET / HTTP/1.1": what comes behind the last space decides which protocol this is.
refusal check_request_line(std::string_view line) {
    auto const space = line.rfind(' ');
    auto const version =
        space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    bool const is_http = version.size() == 8 && version.starts_with("HTTP/") &&
                         is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!is_http) {
        return {400, "the request line does not end in an HTTP version"};
    }
    if (line == "PRI * HTTP/2.0") {
        return {400, "HTTP/2 is not spoken here"};
    }
    if (version[5] != '1' || version[7] > '1') {
        return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    }
    return {};
}

}  // namespace

head_scanner::step head_scanner::scan(std::string_view bytes) {
    for (;;) {
        auto const lf = bytes.find('\n', line_);
        if (lf == std::string_view::npos) {
            return {too_large(bytes), 0};
        }
        if (auto const bad = check_line(bytes, lf)) {
            return {bad, 0};
        }
        bool const is_empty = lf == line_ + 1;
        line_ = lf + 1;
        if (is_empty) {
            return {too_large(bytes.substr(0, line_)), line_};
        }
    }
}

refusal head_scanner::check_line(std::string_view bytes, std::size_t lf) const {
    auto const line = bytes.substr(line_, lf - line_);
    if (line.empty() || line.back() != '\r') {
        return {400, "a line ends in a bare LF"};
    }
    auto const text = line.substr(0, line.size() - 1);
    // Two looks of memchr: a set of two characters is looked for byte by byte.
    if (text.find('\r') != std::string_view::npos || text.find('\0') != std::string_view::npos) {
        return {400, "CR or NUL inside a line"};
    }
    if (line_ == 0) {
        if (is_request_ && text.size() > limits_.max_target + line_slack) {
            return {414, "the target is too long"};
        }
        return is_request_ ? check_request_line(text) : refusal{};
    }
    if (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        return {400, "a field is folded over several lines"};
    }
    return {};
}

refusal head_scanner::too_large(std::string_view bytes) const {
    if (is_request_ && line_ == 0 && bytes.size() > limits_.max_target + line_slack) {
        return {414, "the target is too long"};
    }
    if (bytes.size() > limits_.max_header) {
        return {431, "the header is too large"};
    }
    return {};
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
    std::uint64_t length = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (value.empty() || error != std::errc{} || end != value.data() + value.size() ||
        length >> 63U != 0) {
        return std::nullopt;
    }
    return length;
}

request_framing frame_request(framing_fields const& f, unsigned version) {
    if (f.transfer_encodings != 0) {
        if (version < 11) {
            return {{400, "Transfer-Encoding in HTTP/1.0"}};
        }
        if (f.content_lengths != 0) {
            return {{400, "Transfer-Encoding beside Content-Length"}};
        }
        if (f.transfer_encodings > 1) {
            return {{400, "several Transfer-Encoding fields"}};
        }
        if (rules::iequals(f.transfer_encoding, "chunked")) {
            return {{}, framing::chunked, 0};
        }
        unsigned chunked = 0;
        unsigned unknown = 0;
        bool chunked_last = false;
        for_each_token(f.transfer_encoding, [&](std::string_view coding) {
            chunked_last = rules::iequals(coding, "chunked");
            chunked += chunked_last ? 1 : 0;
            unknown += !chunked_last && !rules::iequals(coding, "identity") ? 1 : 0;
        });
        // A coding we do not know, rightly framed by a final `chunked`, is honest but beyond us
        // (RFC 9112 section 6.1). Anything else has no length that two readers would agree on.
        if (chunked_last && chunked == 1 && unknown > 0) {
            return {{501, "an unknown transfer coding"}};
        }
        return {{400, "Transfer-Encoding is not exactly one `chunked`"}};
    }
    if (f.content_lengths > 1) {
        return {{400, "several Content-Length fields"}};
    }
    if (f.content_lengths == 1) {
        auto const length = parse_content_length(f.content_length);
        if (!length) {
            return {{400, "Content-Length is not a number"}};
        }
        return {{}, framing::length, *length};
    }
    return {};
}

response_framing frame_response(framing_fields const& f,
                                unsigned version,
                                unsigned status,
                                bool other_lengths_equal) {
    bool const never_has_content = status / 100 == 1 || status == 204;
    if (f.transfer_encodings != 0) {
        if (version < 11 || f.content_lengths != 0 || f.transfer_encodings > 1 ||
            !rules::iequals(f.transfer_encoding, "chunked")) {
            return {true};
        }
        return {false, never_has_content ? framing::none : framing::chunked, 0};
    }
    if (f.content_lengths != 0) {
        auto const length = parse_content_length(f.content_length);
        if (!length || !other_lengths_equal) {
            return {true};
        }
        if (never_has_content) {
            return {};
        }
        return {false, framing::length, *length};
    }
    return {false, never_has_content || status == 304 ? framing::none : framing::close, 0};
}

bool valid_host(std::string_view host) {
    if (host.empty()) {
        return false;
    }
    std::string_view rest = host;
    if (rest.front() == '[') {
        auto const end = rest.find(']');
        if (end == std::string_view::npos || end == 1) {
            return false;
        }
        auto const literal = rest.substr(1, end - 1);
        if (!std::all_of(literal.begin(), literal.end(), [](char c) {
                return is_hex(c) || c == ':' || c == '.';
            })) {
            return false;
        }
        rest.remove_prefix(end + 1);
    } else {
        auto const end = std::min(rest.find(':'), rest.size());
        auto const name = rest.substr(0, end);
        if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) {
                return host_characters[static_cast<unsigned char>(c)];
            })) {
            return false;
        }
        rest.remove_prefix(end);
    }
    if (rest.empty()) {
        return true;
    }
    return rest.front() == ':' && rest.size() <= 6 &&
           std::all_of(rest.begin() + 1, rest.end(), is_digit);
}

refusal normalise_target(request_head& head, unsigned hosts) {
    if (head.method == "CONNECT") {
        return {405, "CONNECT is not for this server"};
    }
    if (hosts > 1) {
        return {400, "several Host fields"};
    }
    if (hosts == 0 && head.version >= 11) {
        return {400, "no Host field"};
    }
    if (hosts == 1 && !valid_host(head.host)) {
        return {400, "Host is not a host"};
    }
    if (head.target.find('#') != std::string::npos) {
        return {400, "a fragment in the target"};
    }
    if (head.target.front() == '/') {
        return {};
    }
    if (head.target == "*") {
        return head.method == "OPTIONS" ? refusal{} : refusal{400, "`*` is for OPTIONS only"};
    }
    constexpr std::string_view scheme = "http://";
    constexpr std::string_view secure = "https://";
    std::string_view rest = head.target;
    if (rules::iequals(rest.substr(0, scheme.size()), scheme)) {
        rest.remove_prefix(scheme.size());
    } else if (rules::iequals(rest.substr(0, secure.size()), secure)) {
        rest.remove_prefix(secure.size());
    } else {
        return {400, "the target is no path"};
    }
    auto const end = std::min(rest.find_first_of("/?"), rest.size());
    std::string authority(rest.substr(0, end));
    if (!valid_host(authority)) {
        return {400, "the target's authority is not a host"};
    }
    std::string target(rest.substr(end));
    if (target.empty() && head.method == "OPTIONS") {
        target = "*";
    } else if (target.empty() || target.front() == '?') {
        target.insert(target.begin(), '/');
    }
    head.target = std::move(target);
    head.fields.set("Host", authority);
    head.host = std::move(authority);
    return {};
}

}  // namespace sidecache::http
