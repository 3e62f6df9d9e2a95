#include "tests/support/http_client.hpp"

#include "tests/support/sockets.hpp"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace sidecache::tests {
namespace {

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool has_field(http_fields const& fields, std::string_view name) {
    return std::any_of(
        fields.begin(), fields.end(), [&](auto const& f) { return same_name(f.first, name); });
}

std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) {
        s.remove_prefix(1);
    }
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) {
        s.remove_suffix(1);
    }
    return s;
}

std::size_t parse_number(std::string_view s, int base) {
    std::size_t n = 0;
    auto const [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n, base);
    if (ec != std::errc{} || end == s.data()) {
        throw http_error("not a number: " + std::string(s));
    }
    return n;
}

}  // namespace

std::optional<std::string> http_response::field(std::string_view name) const {
    for (auto const& [n, v] : fields) {
        if (same_name(n, name)) {
            return v;
        }
    }
    return std::nullopt;
}

http_client::http_client(std::uint16_t port, std::chrono::milliseconds patience)
    : port_(port), patience_(patience) {}

void http_client::connect() {
    close();
    try {
        socket_ = connect_to(port_);
    } catch (std::runtime_error const& e) {
        throw http_error(e.what());
    }
}

void http_client::close() {
    socket_.close();
    buffer_.clear();
    methods_.clear();
}

void http_client::shutdown_send() {
    ::shutdown(socket_.value(), SHUT_WR);
}

void http_client::abort() {
    linger const now{1, 0};
    ::setsockopt(socket_.value(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

http_response http_client::request(std::string_view method,
                                   std::string_view target,
                                   http_fields const& fields,
                                   std::string_view body) {
    send(method, target, fields, body);
    return receive();
}

void http_client::send(std::string_view method,
                       std::string_view target,
                       http_fields const& fields,
                       std::string_view body) {
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    if (!has_field(fields, "Host")) {
        // The same whatever the port: replicas share entries of one host only.
        text += "Host: 127.0.0.1\r\n";
    }
    for (auto const& [name, value] : fields) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    bool const framed =
        has_field(fields, "Content-Length") || has_field(fields, "Transfer-Encoding");
    if (!framed && (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")) {
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    text.append("\r\n").append(body);
    send_raw(text);
    methods_.emplace_back(method);
}

void http_client::send_raw(std::string_view bytes) {
    if (!socket_) {
        connect();
    }
    try {
        send_all(socket_, bytes);
    } catch (std::runtime_error const& e) {
        throw http_error(e.what());
    }
}

std::string http_client::receive_some() {
    if (!buffer_.empty()) {
        return std::exchange(buffer_, {});
    }
    if (!socket_) {
        throw http_error("not connected");
    }
    if (!wait_readable(socket_, patience_)) {
        throw http_error("no answer within the test's patience");
    }
    std::array<char, 65536> piece{};
    auto const n = ::recv(socket_.value(), piece.data(), piece.size(), 0);
    if (n < 0) {
        throw http_error(std::string("recv: ") + std::strerror(errno));
    }
    return {piece.data(), static_cast<std::size_t>(n)};
}

std::string http_client::receive_until_closed() {
    std::string all;
    for (;;) {
        auto const some = receive_some();
        if (some.empty()) {
            close();
            return all;
        }
        all += some;
    }
}

bool http_client::readable(std::chrono::milliseconds patience) {
    return !buffer_.empty() || wait_readable(socket_, patience);
}

void http_client::need(std::size_t size) {
    while (buffer_.size() < size) {
        auto const have = std::exchange(buffer_, {});
        auto const some = receive_some();
        if (some.empty()) {
            auto const got = have.size();
            close();
            throw http_error("connection closed after " + std::to_string(got) + " of " +
                             std::to_string(size) + " bytes");
        }
        buffer_ = have + some;
    }
}

std::string http_client::take(std::size_t size) {
    need(size);
    auto out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
}

std::string http_client::take_line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
        need(buffer_.size() + 1);
    }
    auto line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
}

http_fields http_client::take_fields() {
    http_fields out;
    for (auto line = take_line(); !line.empty(); line = take_line()) {
        auto const colon = line.find(':');
        if (colon == std::string::npos) {
            throw http_error("not a field line: " + line);
        }
        out.emplace_back(line.substr(0, colon), trim(std::string_view(line).substr(colon + 1)));
    }
    return out;
}

http_response http_client::receive(std::optional<std::string_view> to) {
    std::string method(to.value_or("GET"));
    if (!to && !methods_.empty()) {
        method = methods_.front();
    }
    http_response r;
    for (;;) {
        auto const line = take_line();
        if (!line.starts_with("HTTP/1.") || line.size() < 12) {
            throw http_error("not a status line: " + line);
        }
        r.status = static_cast<int>(parse_number(std::string_view(line).substr(9, 3), 10));
        r.reason = line.size() > 13 ? line.substr(13) : "";
        r.closes = line.starts_with("HTTP/1.0");
        r.fields = take_fields();
        if (r.status >= 200 || r.status == 101) {
            break;
        }
        r.interims.push_back(r.status);
    }
    if (!methods_.empty()) {
        methods_.erase(methods_.begin());
    }
    r.closes = r.closes || same_name(r["Connection"], "close");
    bool const bodiless = method == "HEAD" || r.status == 204 || r.status == 304 || r.status == 101;
    if (!bodiless) {
        if (same_name(r["Transfer-Encoding"], "chunked")) {
            for (;;) {
                auto const size = parse_number(take_line(), 16);
                if (size == 0) {
                    r.trailers = take_fields();
                    break;
                }
                r.body += take(size);
                if (take(2) != "\r\n") {
                    throw http_error("a chunk does not end where it says");
                }
            }
        } else if (auto const length = r.field("Content-Length")) {
            r.body = take(parse_number(*length, 10));
        } else {
            r.body = receive_until_closed();
            r.closes = true;
        }
    }
    if (r.closes && methods_.empty()) {
        close();
    }
    return r;
}

http_response fetch(std::uint16_t port,
                    std::string_view method,
                    std::string_view target,
                    http_fields const& fields,
                    std::string_view body) {
    return http_client(port).request(method, target, fields, body);
}

}  // namespace sidecache::tests
