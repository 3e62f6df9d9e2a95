#include "proxy/cache/hit.hpp"

#include "rules/http_cache/conditional.hpp"
#include "rules/http_cache/head_lines.hpp"
#include "rules/http_cache/range.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

namespace sidecache::cache {

namespace {

namespace http_cache = rules::http_cache;

void append_number(std::string& out, std::uint64_t n) {
    std::array<char, 20> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    out.append(digits.data(), end);
}

void append_fields(std::string& out, std::uint64_t age, rules::cache_status const& status) {
    if (status.fwd == rules::forwarded::no || age > 0) {
        out += "Age: ";
        append_number(out, age);
        out += "\r\n";
    }
    out += "Cache-Status: ";
    rules::render_to(out, status);
    out += "\r\n";
}

/// What depends on the moment and the client, and the empty line.
void finish_head(std::string& out,
                 std::uint64_t age,
                 rules::cache_status const& status,
                 http::downstream const& client) {
    append_fields(out, age, status);
    if (!client.keeps_alive()) {
        out += "Connection: close\r\n";
    } else if (client.request().version == 10) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

using stored_lines = std::vector<rules::field>;

void write_304(std::string& out, stored_lines const& lines) {
    out = "HTTP/1.1 304 Not Modified\r\n";
    bool const has_etag = rules::find_field(lines, "ETag").has_value();
    for (auto const& line : lines) {
        if (http_cache::belongs_into_304(line.name, has_etag)) {
            append_line(out, line.name, line.value);
        }
    }
}

void write_416(std::string& out, stored_lines const& lines, std::size_t size) {
    out = "HTTP/1.1 416 Range Not Satisfiable\r\n";
    if (auto const date = rules::find_field(lines, "Date")) {
        append_line(out, "Date", *date);
    }
    append_line(out, "Content-Range", http_cache::content_range(std::nullopt, size));
    out += "Content-Length: 0\r\n";
}

/// The stored lines with what a part has instead of the whole.
void write_206(std::string& out,
               stored_lines const& lines,
               std::size_t size,
               std::string_view replaced,
               std::string_view by) {
    out = "HTTP/1.1 206 Partial Content\r\n";
    for (auto const& line : lines) {
        if (!rules::iequals(line.name, "Content-Length") && !rules::iequals(line.name, replaced)) {
            append_line(out, line.name, line.value);
        }
    }
    append_line(out, replaced, by);
    out += "Content-Length: ";
    append_number(out, size);
    out += "\r\n";
}

/// Text that does not occur in the body.
std::string boundary_for(std::string_view body) {
    std::string out;
    std::uint64_t n = std::hash<std::string_view>{}(body);
    do {
        out = "sidecache-part-";
        append_number(out, n++);
    } while (body.find(out) != std::string_view::npos);
    return out;
}

/// 304, 206 or 416 where the request asks for it and the stored response gives it.
std::optional<prepared_answer> render_asked(std::string& head,
                                            std::string& content,
                                            stored_response const& stored,
                                            rules::demands const& asks,
                                            http::downstream const& client,
                                            unix_ms now) {
    stored_lines lines;
    http_cache::read_head_lines(stored.head, lines);
    auto const asked = client.request().view();
    if (asks.conditional && http_cache::evaluate(asked, stored.status, lines, now) ==
                                http_cache::precondition::not_modified) {
        write_304(head, lines);
        return prepared_answer{304, {}};
    }
    if (!asks.range) {
        return std::nullopt;
    }
    auto const part =
        http_cache::evaluate_range(asked, stored.status, lines, stored.body.size(), now);
    using kind = http_cache::range_answer::kind;
    switch (part.what) {
        case kind::whole:
            return std::nullopt;
        case kind::unsatisfiable:
            write_416(head, lines, stored.body.size());
            return prepared_answer{416, {}};
        case kind::part: {
            auto const& r = part.ranges.front();
            auto const body = stored.body.substr(r.first, r.size());
            write_206(head,
                      lines,
                      body.size(),
                      "Content-Range",
                      http_cache::content_range(r, stored.body.size()));
            return prepared_answer{206, body};
        }
        case kind::parts: {
            auto const boundary = boundary_for(stored.body);
            auto const type = rules::find_field(lines, "Content-Type").value_or("");
            content = http_cache::multipart(stored.body, part.ranges, type, boundary);
            write_206(head,
                      lines,
                      content.size(),
                      "Content-Type",
                      "multipart/byteranges; boundary=" + boundary);
            return prepared_answer{206, content};
        }
    }
    return std::nullopt;
}

}  // namespace

void append_moment(std::string& head, std::uint64_t age, rules::cache_status const& status) {
    append_fields(head, age, status);
    head += "\r\n";
}

std::string http_date(unix_ms when) {
    // Not strftime: weekday and month names must not follow a locale.
    static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto const seconds = static_cast<std::time_t>(when / 1000);
    std::tm t{};
    ::gmtime_r(&seconds, &t);
    auto const two = [](std::string& out, int n) {
        out += static_cast<char>('0' + n / 10);
        out += static_cast<char>('0' + n % 10);
    };
    std::string out = days[static_cast<std::size_t>(t.tm_wday)];
    out += ", ";
    two(out, t.tm_mday);
    out += ' ';
    out += months[static_cast<std::size_t>(t.tm_mon)];
    out += ' ';
    append_number(out, static_cast<std::uint64_t>(t.tm_year + 1900));
    out += ' ';
    two(out, t.tm_hour);
    out += ':';
    two(out, t.tm_min);
    out += ':';
    two(out, t.tm_sec);
    out += " GMT";
    return out;
}

std::uint32_t age_on_arrival(http::response_head const& head) {
    auto const text = head.fields.find("Age");
    if (!text) {
        return 0;
    }
    std::uint32_t age = 0;
    auto const [end, ec] = std::from_chars(text->data(), text->data() + text->size(), age);
    // RFC 9111 section 1.2.2: a number too large to hold counts as the largest.
    if (ec == std::errc::result_out_of_range) {
        return std::numeric_limits<std::int32_t>::max();
    }
    return ec == std::errc{} && end == text->data() + text->size() ? age : 0;
}

std::string head_to_store(http::response_head const& head, std::size_t body_size, unix_ms now) {
    std::string out = "HTTP/1.1 ";
    append_number(out, head.status);
    out += ' ';
    out += head.reason;
    out += "\r\n";
    auto fields = head.fields;
    // Age counts on; the others are between a client and a proxy (RFC 9111 section 3.1).
    for (auto const* name :
         {"Age", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization"}) {
        fields.erase(name);
    }
    if (!fields.find("Date")) {
        fields.add("Date", http_date(now));
    }
    fields.write_to(out);
    // RFC 9110 section 8.6: none in 204, and a 304's would speak of another representation.
    if (head.status != 204 && head.status != 304) {
        out += "Content-Length: ";
        append_number(out, body_size);
        out += "\r\n";
    }
    return out;
}

prepared_answer render_answer(std::string& head,
                              std::string& content,
                              stored_response const& stored,
                              rules::demands const& asks,
                              rules::cache_status const& status,
                              http::downstream const& client,
                              unix_ms now) {
    if (asks.conditional || asks.range) {
        if (auto const part = render_asked(head, content, stored, asks, client, now)) {
            finish_head(head, stored.age, status, client);
            return *part;
        }
    }
    head.assign(stored.head);
    finish_head(head, stored.age, status, client);
    bool const is_head = client.request().method == "HEAD";
    return {stored.status, is_head ? std::string_view() : stored.body};
}

}  // namespace sidecache::cache
