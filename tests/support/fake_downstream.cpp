#include "tests/support/fake_downstream.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sidecache::test {

namespace {

std::string_view next_line(std::string_view& text) {
    auto const end = text.find("\r\n");
    auto const line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    return line;
}

std::pair<std::string_view, std::string_view> field_of(std::string_view line) {
    auto const colon = line.find(':');
    if (colon == std::string_view::npos) {
        throw std::invalid_argument("no ':' in field line: " + std::string(line));
    }
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') {
        value.remove_prefix(1);
    }
    return {line.substr(0, colon), value};
}

unsigned status_of(std::string_view status_line) {
    unsigned status = 0;
    auto const space = status_line.find(' ');
    if (space != std::string_view::npos) {
        std::from_chars(
            status_line.data() + space + 1, status_line.data() + status_line.size(), status);
    }
    return status;
}

}  // namespace

http::request_head request_from(std::string_view text) {
    http::request_head head;
    auto const first = next_line(text);
    auto const space = first.find(' ');
    auto const last = first.rfind(' ');
    if (space == std::string_view::npos || space == last ||
        !first.substr(last + 1).starts_with("HTTP/1.")) {
        throw std::invalid_argument("not a request line: " + std::string(first));
    }
    head.method = first.substr(0, space);
    head.target = first.substr(space + 1, last - space - 1);
    head.version = first.ends_with("1.0") ? 10 : 11;
    head.keep_alive = head.version == 11;
    head.host = "localhost";
    for (auto line = next_line(text); !line.empty(); line = next_line(text)) {
        auto const [name, value] = field_of(line);
        head.fields.add(name, value);
        if (rules::iequals(name, "Host")) {
            head.host = value;
        } else if (rules::iequals(name, "Content-Length")) {
            head.body = http::framing::length;
            std::from_chars(value.data(), value.data() + value.size(), head.content_length);
        } else if (rules::iequals(name, "Transfer-Encoding")) {
            head.body = http::framing::chunked;
        } else if (rules::iequals(name, "Expect")) {
            head.expects_continue = true;
        } else if (rules::iequals(name, "Upgrade")) {
            head.upgrade = true;
        } else if (rules::iequals(name, "Connection") && rules::iequals(value, "close")) {
            head.keep_alive = false;
        }
    }
    return head;
}

fake_downstream::fake_downstream(http::request_head head_of_request, std::string content)
    : request_(std::move(head_of_request)) {
    if (content.empty()) {
        return;
    }
    if (request_.body == http::framing::none) {
        request_.body = http::framing::length;
        request_.content_length = content.size();
    }
    body_pieces.push_back(std::move(content));
}

std::string fake_downstream::field(std::string_view name) const {
    return std::string(head.fields.find(name).value_or(""));
}

task<result<std::size_t>> fake_downstream::read_body(asio::mutable_buffer out) {
    if (next_piece_ == body_pieces.size()) {
        if (body_error) {
            co_return body_error;
        }
        co_return std::size_t{0};
    }
    auto const rest = std::string_view(body_pieces[next_piece_]).substr(piece_taken_);
    auto const n = std::min(out.size(), rest.size());
    std::memcpy(out.data(), rest.data(), n);
    body_read += n;
    piece_taken_ += n;
    if (piece_taken_ == body_pieces[next_piece_].size()) {
        ++next_piece_;
        piece_taken_ = 0;
    }
    co_return n;
}

error_code fake_downstream::take(std::string_view some) {
    if (write_error && body.size() + some.size() > fail_after_bytes) {
        return write_error;
    }
    if (request_.method != "HEAD") {
        body.append(some);
    }
    return {};
}

task<error_code> fake_downstream::send(http::response_head const& sent, std::string_view content) {
    assert(!answered() && "a request is answered once");
    head = sent;
    head.body = http::framing::length;
    head.content_length = content.size();
    auto const ec = take(content);
    complete = !ec;
    co_return ec;
}

task<error_code> fake_downstream::start(http::response_head const& sent) {
    assert(!answered() && "a request is answered once");
    head = sent;
    streamed = true;
    co_return take({});
}

task<error_code> fake_downstream::write(asio::const_buffer some) {
    assert(streamed && !complete && "write belongs between start and finish");
    co_return take({static_cast<char const*>(some.data()), some.size()});
}

task<error_code> fake_downstream::finish() {
    assert(streamed && !complete && "finish belongs behind start, once");
    auto const ec = take({});
    complete = !ec;
    co_return ec;
}

task<error_code> fake_downstream::interim(http::response_head const& sent) {
    assert(!answered() && "an interim answer comes before the final one");
    interims.push_back(sent);
    co_return error_code{};
}

task<error_code> fake_downstream::send_prepared(unsigned status,
                                                std::string_view sent,
                                                std::string_view content) {
    co_return take_prepared(status, sent, content);
}

void fake_downstream::send_now(unsigned status, std::string_view sent, std::string_view content) {
    take_prepared(status, sent, content);
}

error_code fake_downstream::take_prepared(unsigned status,
                                          std::string_view sent,
                                          std::string_view content) {
    assert(!answered() && "a request is answered once");
    assert(sent.ends_with("\r\n\r\n") && "a prepared head holds its empty line");
    prepared_head = sent;
    auto rest = sent;
    auto const status_line = next_line(rest);
    assert(status_of(status_line) == status && "a prepared head and its status agree");
    head.status = status_of(status_line);
    head.body = http::framing::length;
    head.content_length = content.size();
    for (auto line = next_line(rest); !line.empty(); line = next_line(rest)) {
        auto const [name, value] = field_of(line);
        head.fields.add(name, value);
    }
    auto const ec = take(content);
    complete = !ec;
    return ec;
}

task<error_code> fake_downstream::tunnel(http::response_head const& sent,
                                         tcp_socket,
                                         std::string_view) {
    assert(!answered() && "a request is answered once");
    head = sent;
    tunnelled = true;
    co_return error_code{};
}

}  // namespace sidecache::test
