#include "proxy/store/connector.hpp"

#include "proxy/store/stream_deadline.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace sidecache::store {

namespace {

using endpoint = asio::generic::stream_protocol::endpoint;

connect_error failed(std::string text) {
    return {store_error::unreachable, std::move(text)};
}

using found_addresses = result<std::vector<endpoint>, connect_error>;

task<found_addresses> resolve(executor ex, config::store const& where, config::endpoint at) {
    std::vector<endpoint> found;
    if (where.what == config::store::kind::redis_unix) {
        // A path that is too long for a socket address makes the endpoint throw.
        if (where.path.size() >= sizeof(sockaddr_un{}.sun_path)) {
            co_return failed("the path of the socket is too long");
        }
        found.emplace_back(asio::local::stream_protocol::endpoint(where.path));
        co_return found;
    }
    error_code literal;
    auto const address = asio::ip::make_address(at.host, literal);
    if (!literal) {
        found.emplace_back(tcp::endpoint(address, at.port));
        co_return found;
    }
    asio::ip::basic_resolver<tcp, executor> resolver(ex);
    auto const port = std::to_string(at.port);
    auto [ec, results] = co_await resolver.async_resolve(at.host, port, as_tuple);
    if (ec) {
        co_return failed("the name " + at.host + " cannot be looked up: " + ec.message());
    }
    for (auto const& r : results) {
        found.emplace_back(r.endpoint());
    }
    co_return found;
}

task<error_code> connect_to(stream& to, endpoint address, std::chrono::milliseconds timeout) {
    stream_deadline limit(to, timeout);
    auto [ec] = co_await to.socket().async_connect(address, as_tuple);
    limit.release();
    error_code const timed_out = asio::error::timed_out;
    co_return limit.passed() ? timed_out : ec;
}

}  // namespace

connector::connector(config::store where, std::chrono::milliseconds timeout)
    : where_(std::move(where)), timeout_(timeout), tls_(where_.tls) {}

task<result<void, connect_error>> connector::connect(stream& to, config::endpoint at) {
    auto const found = co_await resolve(to.get_executor(), where_, at);
    if (!found) {
        co_return found.error();
    }
    auto const addresses = *found;
    auto const began = std::chrono::steady_clock::now();
    auto const each = timeout_ / static_cast<int>(std::max<std::size_t>(1, addresses.size()));
    error_code last = asio::error::host_not_found;
    for (auto const& address : addresses) {
        to.close();
        last = co_await connect_to(to, address, each);
        if (!last) {
            break;
        }
    }
    if (last) {
        co_return failed(last.message());
    }
    if (where_.what != config::store::kind::redis_unix) {
        error_code ignored;
        to.socket().set_option(tcp::no_delay(true), ignored);
    }
    if (!where_.is_tls) {
        co_return result<void, connect_error>();
    }
    auto const spent = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
    stream_deadline limit(to, timeout_ - spent);
    auto const secured = co_await tls_.secure(to, at.host);
    limit.release();
    if (limit.passed()) {
        co_return failed("no answer to the TLS handshake in time: is it a plain port (redis://)?");
    }
    if (!secured.error.empty()) {
        co_return failed(secured.error);
    }
    co_return result<void, connect_error>();
}

}  // namespace sidecache::store
