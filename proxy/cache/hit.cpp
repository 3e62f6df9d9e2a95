#include "proxy/cache/hit.hpp"

#include "proxy/telemetry/metrics.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <limits>

namespace sidecache::cache {

namespace {

void append_number(std::string& out, std::uint64_t n) {
    std::array<char, 20> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    out.append(digits.data(), end);
}

void render(std::string& out,
            std::string_view head,
            std::uint64_t age,
            rules::cache_status const& status,
            http::downstream const& client) {
    out.assign(head);
    if (status.fwd == rules::forwarded::no || age > 0) {
        out += "Age: ";
        append_number(out, age);
        out += "\r\n";
    }
    out += "Cache-Status: ";
    rules::render_to(out, status);
    out += "\r\n";
    if (!client.keeps_alive()) {
        out += "Connection: close\r\n";
    } else if (client.request().version == 10) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

}  // namespace

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
    fields.erase("Age");
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

void render_head(std::string& out,
                 store::entry const& e,
                 rules::cache_status const& status,
                 http::downstream const& client,
                 unix_ms now) {
    render(out, e.head, e.age_seconds(now), status, client);
}

void render_head(std::string& out,
                 near_entry const& e,
                 std::string_view key,
                 http::downstream const& client,
                 boot_clock::time_point now) {
    rules::cache_status status;
    status.ttl = e.ttl_seconds(now);
    status.key = key;
    status.detail = telemetry::name(telemetry::hit_tier::near);
    render(out, e.head(), e.age_seconds(now), status, client);
}

}  // namespace sidecache::cache
