#include "proxy/http/answer.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/status.hpp>

#include <array>
#include <charconv>
#include <ctime>

namespace sidecache::http {

namespace {

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits;
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

void write_status_line(std::string& out, response_head const& head) {
    out.append("HTTP/1.1 ");
    append_number(out, head.status);
    out.push_back(' ');
    out.append(head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason));
    out.append("\r\n");
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
    namespace beast_http = boost::beast::http;
    switch (status) {
        case 103:
            return "Early Hints";  // younger than Beast
        default:
            break;
    }
    auto const known = beast_http::int_to_status(status);
    if (known == beast_http::status::unknown) {
        return {};
    }
    auto const phrase = beast_http::obsolete_reason(known);
    return {phrase.data(), phrase.size()};
}

std::string_view http_date_now() {
    thread_local std::time_t made_at = 0;
    thread_local std::array<char, 32> text{};
    thread_local std::size_t size = 0;
    auto const now = std::time(nullptr);
    if (now != made_at) {
        std::tm parts{};
        ::gmtime_r(&now, &parts);
        // The "C" locale's names: nobody sets another one in this program.
        size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made_at = now;
    }
    return {text.data(), size};
}

void write_response_head(std::string& out, response_head const& head, connection_field connection) {
    write_status_line(out, head);
    head.fields.write_to(out);
    if (!head.fields.find("Date")) {
        out.append("Date: ");
        out.append(http_date_now());
        out.append("\r\n");
    }
    switch (head.body) {
        case framing::length:
            out.append("Content-Length: ");
            append_number(out, head.content_length);
            out.append("\r\n");
            break;
        case framing::chunked:
            out.append("Transfer-Encoding: chunked\r\n");
            break;
        case framing::none:
        case framing::close:
            break;
    }
    switch (connection) {
        case connection_field::none:
            break;
        case connection_field::keep_alive:
            out.append("Connection: keep-alive\r\n");
            break;
        case connection_field::close:
            out.append("Connection: close\r\n");
            break;
    }
    out.append("\r\n");
}

void write_interim_head(std::string& out, response_head const& head) {
    write_status_line(out, head);
    head.fields.write_to(out);
    out.append("\r\n");
}

ready_answer error_answer(unsigned status, std::string_view why) {
    ready_answer answer;
    answer.head.status = status;
    answer.head.fields.add("Content-Type", "text/plain; charset=utf-8");
    answer.head.fields.add("Cache-Control", "no-store");
    if (status == 503) {
        answer.head.fields.add("Retry-After", "1");
    }
    if (status == 405) {
        answer.head.fields.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
    append_number(answer.body, status);
    answer.body.push_back(' ');
    answer.body.append(reason_phrase(status));
    if (!why.empty()) {
        answer.body.append(": ").append(why);
    }
    answer.body.push_back('\n');
    return answer;
}

refusal refusal_of(boost::system::error_code body_error) {
    namespace errc = boost::system::errc;
    if (body_error == boost::asio::error::timed_out) {
        return {408, "the request's content did not arrive in time"};
    }
    if (body_error == errc::make_error_code(errc::message_size)) {
        return {413, "the request's content is too large"};
    }
    if (body_error == errc::make_error_code(errc::protocol_error)) {
        return {400, "the request's content is not framed as it says"};
    }
    return {};
}

}  // namespace sidecache::http
