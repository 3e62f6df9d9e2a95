#include "proxy/http/answer.hpp"

#include "proxy/http/text_writer.hpp"

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

/// The most that is written beside the fields, the reason, a named status and the date included.
constexpr std::size_t beside_fields = 320;

void write_status_line(text_writer& out, response_head const& head) {
    out.text("HTTP/1.1 ").number(head.status).text(" ");
    out.text(head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason));
    out.text("\r\n");
}

void write_fields(text_writer& out, field_list const& fields) {
    fields.for_each_run([&](std::string_view lines) { out.text(lines); });
}

std::size_t most_of(response_head const& head) {
    return head.reason.size() + head.fields.characters() + beside_fields;
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
    write_response_head(out, head, {head.body, head.content_length}, connection);
}

void write_response_head(std::string& out,
                         response_head const& head,
                         content_framing framed,
                         connection_field connection) {
    text_writer w(out, most_of(head));
    write_status_line(w, head);
    write_fields(w, head.fields);
    if (!head.fields.find("Date")) {
        w.text("Date: ").text(http_date_now()).text("\r\n");
    }
    switch (framed.body) {
        case framing::length:
            w.text("Content-Length: ").number(framed.length).text("\r\n");
            break;
        case framing::chunked:
            w.text("Transfer-Encoding: chunked\r\n");
            break;
        case framing::none:
        case framing::close:
            break;
    }
    switch (connection) {
        case connection_field::none:
            break;
        case connection_field::keep_alive:
            w.text("Connection: keep-alive\r\n");
            break;
        case connection_field::close:
            w.text("Connection: close\r\n");
            break;
    }
    w.text("\r\n");
}

void write_interim_head(std::string& out, response_head const& head) {
    text_writer w(out, most_of(head));
    write_status_line(w, head);
    write_fields(w, head.fields);
    w.text("\r\n");
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
