#include "tests/backend/server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <thread>

namespace backend {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
namespace {

constexpr std::size_t body_limit = 64U << 20;
constexpr std::uint32_t header_limit = 64U << 10;

struct connection {
    explicit connection(tcp::socket s) : socket(std::move(s)) {}
    tcp::socket socket;
    std::thread thread;
    std::atomic<bool> over{false};
};

std::string text(boost::beast::string_view s) {
    return {s.data(), s.size()};
}

request take(http::request<http::string_body>&& from) {
    request r;
    r.method = text(from.method_string());
    r.target = text(from.target());
    for (auto const& f : from) {
        r.fields.emplace_back(text(f.name_string()), text(f.value()));
    }
    r.body = std::move(from.body());
    return r;
}

/// Writes the answer as told; false: the connection is over.
bool give(tcp::socket& socket, outcome&& o, bool keep_alive, bool head_only) {
    error_code ec;
    if (o.how == fault::ending::reset) {
        socket.set_option(asio::socket_base::linger(true, 0), ec);
        socket.close(ec);
        return false;
    }
    if (o.how == fault::ending::hang) {
        return false;
    }
    http::response<http::string_body> res(static_cast<http::status>(o.answer.status), 11);
    res.set(http::field::server, "demo-backend");
    for (auto const& [name, value] : o.answer.fields) {
        res.insert(name, value);
    }
    if (!o.answer.body.empty() && res.find(http::field::content_type) == res.end()) {
        res.set(http::field::content_type, "application/json");
    }
    res.keep_alive(keep_alive);
    res.body() = std::move(o.answer.body);
    if (o.answer.status != 204 && o.answer.status != 304) {
        res.content_length(res.body().size());
    }
    if (o.how == fault::ending::truncate) {
        res.body().resize(res.body().size() / 2);
        head_only = false;
    }
    if (head_only) {
        http::response<http::empty_body> head(std::move(res.base()));
        http::response_serializer<http::empty_body> serializer(head);
        http::write_header(socket, serializer, ec);
    } else {
        http::write(socket, res, ec);
    }
    return !ec && keep_alive && o.how == fault::ending::answer;
}

bool read_one(tcp::socket& socket,
              boost::beast::flat_buffer& buffer,
              http::request_parser<http::string_body>& parser) {
    parser.header_limit(header_limit);
    parser.body_limit(body_limit);
    error_code ec;
    http::read_header(socket, buffer, parser, ec);
    if (!ec && boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        asio::write(socket, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), ec);
    }
    if (!ec) {
        http::read(socket, buffer, parser, ec);
    }
    return !ec;
}

void serve(connection& c, server::handler const& handle) {
    error_code ignored;
    c.socket.set_option(tcp::no_delay(true), ignored);
    boost::beast::flat_buffer buffer;
    for (bool open = true; open;) {
        http::request_parser<http::string_body> parser;
        if (!read_one(c.socket, buffer, parser)) {
            break;
        }
        bool const keep_alive = parser.get().keep_alive();
        bool const head_only = parser.get().method() == http::verb::head;
        auto r = take(parser.release());
        auto o =
            parse_target(r) ? handle(r) : outcome{problem(400, "the target is not a path"), {}};
        open = give(c.socket, std::move(o), keep_alive, head_only);
    }
    c.socket.shutdown(tcp::socket::shutdown_both, ignored);
    c.over = true;
}

}  // namespace

struct server::impl {
    impl(std::uint16_t port, handler h)
        : handle(std::move(h)), acceptor(io, {asio::ip::address_v4::loopback(), port}) {}

    handler handle;
    asio::io_context io;
    tcp::acceptor acceptor;
    std::mutex mutex;
    std::list<connection> open;
    bool stopping = false;
    std::thread accepting;

    void accept_all() {
        for (;;) {
            error_code ec;
            tcp::socket s(io);
            acceptor.accept(s, ec);
            std::lock_guard const lock(mutex);
            if (stopping) {
                return;
            }
            open.remove_if([](connection& c) {
                if (c.over) {
                    c.thread.join();
                }
                return c.over.load();
            });
            if (!ec) {
                auto& c = open.emplace_back(std::move(s));
                c.thread = std::thread([this, &c] { serve(c, handle); });
            }
        }
    }
};

server::server(std::uint16_t port, handler handle)
    : impl_(std::make_unique<impl>(port, std::move(handle))) {
    impl_->accepting = std::thread([state = impl_.get()] { state->accept_all(); });
}

server::~server() {
    {
        std::lock_guard const lock(impl_->mutex);
        impl_->stopping = true;
        for (auto& c : impl_->open) {
            ::shutdown(c.socket.native_handle(), SHUT_RDWR);
        }
    }
    ::shutdown(impl_->acceptor.native_handle(), SHUT_RDWR);  // wakes accept
    impl_->accepting.join();
    for (auto& c : impl_->open) {
        c.thread.join();
    }
}

std::uint16_t server::port() const {
    return impl_->acceptor.local_endpoint().port();
}

}  // namespace backend
