#include "tests/support/strict_request.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

namespace sidecache::tests {
namespace {

using verdict = strict_request::verdict;

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                   std::string_view::npos;
    });
}

bool is_value(std::string_view text) {
    return std::ranges::all_of(
        text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(
        out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// What is being read, and where; the first complaint stays.
struct reading {
    std::string_view rest;
    strict_request out{};

    bool fail(std::string why) {
        out.what = verdict::wrong;
        out.why = std::move(why);
        return false;
    }
    /// The next line without its CRLF; nullopt when there is none yet, or it is wrong.
    std::optional<std::string_view> line() {
        auto const end = rest.find('\n');
        if (end == std::string_view::npos) {
            if (auto const cr = rest.find('\r');
                cr != std::string_view::npos && cr + 1 < rest.size()) {
                fail("a bare CR");
            }
            return std::nullopt;
        }
        auto const text = rest.substr(0, end);
        if (text.empty() || text.back() != '\r' || text.find('\r') != text.size() - 1) {
            fail("a line that does not end in CRLF alone");
            return std::nullopt;
        }
        rest.remove_prefix(end + 1);
        return text.substr(0, text.size() - 1);
    }
};

struct framing_fields {
    unsigned hosts = 0;
    std::vector<std::string> lengths;
    std::vector<std::string> codings;
};

bool request_line(reading& r) {
    auto const line = r.line();
    if (!line) {
        return false;
    }
    auto const first = line->find(' ');
    auto const last = line->rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return r.fail("a request line without three parts");
    }
    r.out.method = line->substr(0, first);
    r.out.target = line->substr(first + 1, last - first - 1);
    if (!is_token(r.out.method) || line->substr(last + 1) != "HTTP/1.1") {
        return r.fail("a request line that is not METHOD TARGET HTTP/1.1");
    }
    bool const visible =
        std::ranges::all_of(r.out.target, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    if (!visible || (r.out.target.front() != '/' && r.out.target != "*") ||
        r.out.target.find('#') != std::string::npos) {
        return r.fail("a target that is no path");
    }
    return true;
}

bool fields(reading& r, framing_fields& found) {
    for (;;) {
        auto const line = r.line();
        if (!line) {
            return false;
        }
        if (line->empty()) {
            return true;
        }
        auto const colon = line->find(':');
        auto const name = line->substr(0, colon);
        if (colon == std::string_view::npos || !is_token(name) ||
            !is_value(line->substr(colon + 1))) {
            return r.fail("not a field line: " + std::string(*line));
        }
        auto const value = trimmed(line->substr(colon + 1));
        auto const key = lower(name);
        if (key == "host") {
            ++found.hosts;
            r.out.host = value;
        } else if (key == "content-length") {
            found.lengths.emplace_back(value);
        } else if (key == "transfer-encoding") {
            found.codings.emplace_back(value);
        }
    }
}

bool chunks(reading& r) {
    for (;;) {
        auto const line = r.line();
        if (!line) {
            return false;
        }
        bool const digits =
            !line->empty() && line->size() <= 8 &&
            std::ranges::all_of(*line, [](unsigned char c) { return std::isxdigit(c) != 0; });
        if (!digits) {
            return r.fail("not a chunk size: " + std::string(*line));
        }
        auto const size = std::stoul(std::string(*line), nullptr, 16);
        if (size == 0) {
            auto const end = r.line();
            return end && (end->empty() || r.fail("a trailer"));
        }
        if (r.rest.size() < size + 2) {
            return false;
        }
        r.out.content += r.rest.substr(0, size);
        if (r.rest.substr(size, 2) != "\r\n") {
            return r.fail("a chunk without CRLF at its end");
        }
        r.rest.remove_prefix(size + 2);
    }
}

bool content(reading& r, framing_fields const& found) {
    if (found.hosts != 1) {
        return r.fail(std::to_string(found.hosts) + " Host fields");
    }
    if (found.lengths.size() + found.codings.size() > 1) {
        return r.fail("framed twice");
    }
    if (!found.codings.empty()) {
        return found.codings[0] == "chunked" ? chunks(r) : r.fail("coding " + found.codings[0]);
    }
    if (found.lengths.empty()) {
        return true;
    }
    auto const& text = found.lengths[0];
    if (text.empty() || text.size() > 15 ||
        !std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; })) {
        return r.fail("Content-Length " + text);
    }
    auto const size = std::stoull(text);
    if (r.rest.size() < size) {
        return false;
    }
    r.out.content = r.rest.substr(0, size);
    r.rest.remove_prefix(size);
    return true;
}

}  // namespace

strict_request read_strictly(std::string_view bytes) {
    reading r{.rest = bytes};
    framing_fields found;
    if (request_line(r) && fields(r, found) && content(r, found)) {
        r.out.what = verdict::complete;
        r.out.size = bytes.size() - r.rest.size();
    }
    return std::move(r.out);
}

}  // namespace sidecache::tests
