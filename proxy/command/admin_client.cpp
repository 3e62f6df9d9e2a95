#include "proxy/command/admin_client.hpp"

#include "config/url.hpp"
#include "proxy/async/task.hpp"
#include "proxy/command/print.hpp"
#include "proxy/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace sidecache::command {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

using request = http::request<http::string_body>;
using stream = beast::basic_stream<tcp, executor>;
using resolver = asio::ip::basic_resolver<tcp, executor>;
using outcome = std::variant<admin_reply, std::string>;

constexpr auto patience = std::chrono::seconds(10);
constexpr std::uint64_t longest_reply = 64ULL << 20U;

/// `asked` and `where` outlive the call: ask_admin runs the loop to its end.
task<outcome> exchange(executor ex, config::endpoint const& where, request const& asked) {
    resolver names(ex);
    auto const port = std::to_string(where.port);
    auto const [not_found, addresses] = co_await names.async_resolve(where.host, port, as_tuple);
    if (not_found) {
        co_return not_found.message();
    }
    stream connection(ex);
    connection.expires_after(patience);
    auto const [not_connected, peer] = co_await connection.async_connect(addresses, as_tuple);
    if (not_connected) {
        co_return not_connected.message();
    }
    auto const [not_sent, sent] = co_await http::async_write(connection, asked, as_tuple);
    if (not_sent) {
        co_return not_sent.message();
    }
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_reply);
    auto const [not_read, size] = co_await http::async_read(connection, buffer, parser, as_tuple);
    if (not_read) {
        co_return not_read.message();
    }
    auto reply = parser.release();
    co_return admin_reply{reply.result_int(), std::move(reply.body())};
}

bool is_field_value(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

outcome ask_admin(admin_address const& where, std::string_view path, std::string_view json_body) {
    auto const url = config::parse_upstream_url(where.url);
    auto const* parsed = std::get_if<config::upstream_url>(&url);
    if (parsed == nullptr) {
        return harmless(where.url) + " is not the URL of an admin port: write http://HOST:PORT";
    }
    if (!is_field_value(where.token)) {
        return std::string("the token holds control characters");
    }
    request asked(json_body.empty() ? http::verb::get : http::verb::post, path, 11);
    asked.set(http::field::host, parsed->host_header);
    asked.set(http::field::user_agent, std::string("sidecache/") + version);
    asked.set(http::field::connection, "close");
    if (!where.token.empty()) {
        asked.set(http::field::authorization, "Bearer " + where.token);
    }
    if (!json_body.empty()) {
        asked.set(http::field::content_type, "application/json");
        asked.body() = json_body;
    }
    asked.prepare_payload();

    asio::io_context loop(1);
    outcome out = std::string("no answer");
    auto const done = [&](std::exception_ptr const& broken, outcome got) {
        out = broken ? outcome(std::string("out of memory")) : std::move(got);
    };
    asio::co_spawn(loop, exchange(loop.get_executor(), parsed->address, asked), done);
    loop.run();
    if (auto const* why = std::get_if<std::string>(&out)) {
        return "no answer from the admin port at " + where.url + ": " + *why +
               "; is sidecache running there? --admin URL names another one";
    }
    return out;
}

std::string refusal_of(admin_reply const& reply) {
    boost::system::error_code ec;
    auto const parsed = boost::json::parse(reply.body, ec);
    if (!ec && parsed.is_object()) {
        auto const* error = parsed.as_object().if_contains("error");
        if (error != nullptr && error->is_string()) {
            return harmless(std::string_view(error->as_string().data(), error->as_string().size()));
        }
    }
    return "the admin port answered with status " + std::to_string(reply.status);
}

}  // namespace sidecache::command
