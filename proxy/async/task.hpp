#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <chrono>

/// The few Asio names that the proxy uses, with one concrete executor: no type erasure on the way.
namespace sidecache {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::result;

using executor = asio::io_context::executor_type;
template <class T>
using task = asio::awaitable<T, executor>;

/// Completion token of every operation: `auto [ec, n] = co_await op(..., as_tuple);`
inline constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable_t<executor>{});

using tcp = asio::ip::tcp;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using unix_socket = asio::basic_stream_socket<asio::local::stream_protocol, executor>;
using steady_timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                                asio::wait_traits<std::chrono::steady_clock>,
                                                executor>;

}  // namespace sidecache
