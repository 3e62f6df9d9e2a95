#pragma once

#include "proxy/async/task.hpp"

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace sidecache {

/// Reads from one TCP socket when something has come, and never on the off chance.
///
/// `async_read_some` tries to read before it waits: on a connection whose peer sends and then waits
/// for the answer, that is one call of the kernel in vain for each request. It cannot know better:
/// a read that left nothing behind may have left the end of the stream behind, of which no further
/// event tells. Here the kernel says with each read what is still there, the end included (TCP_INQ,
/// tcp(7)); when that is nothing the next read waits for an event. A kernel that does not say so is
/// asked as before. Of a reset the kernel says nothing, and one that came together with bytes has
/// no event of its own: so who waits for the rest of something looks first (`of::the_rest`), and
/// who has nothing begun finds out when it writes.
///
/// One operation serves for all reads, so that waiting again and again allocates nothing; and what
/// comes in may be dealt with on the spot, without waking the coroutine that waits (`taker`).
///
/// Below it stands Asio's own interface of operations (`detail`, as in Boost 1.81): there is no
/// public one. One worker only.
class arrival {
public:
    /// Deals with what came in before whoever waits for it is woken.
    class taker {
    public:
        /// `count` bytes lie in the room that was given. Where they are dealt with: room for what
        /// comes next, which is then waited for. Otherwise nothing: the waiter is woken.
        virtual std::span<char> took(std::size_t count) = 0;

    protected:
        ~taker() = default;
    };
    struct outcome {
        error_code error;  ///< `eof` at the end of the stream
        std::size_t size = 0;
    };

    /// `socket` and `first` (null: nobody) outlive it.
    explicit arrival(tcp_socket& socket, taker* first = nullptr);
    arrival(arrival const&) = delete;
    arrival& operator=(arrival const&) = delete;
    /// Before its socket goes, and while nobody waits.
    ~arrival();

    /// Once, on a connected socket in non-blocking mode.
    void open();

    /// What is waited for: a message of which nothing has come yet, or more of one that has begun.
    enum class of : std::uint8_t { a_message, the_rest };

    /// Waits for bytes and reads some into `room`, which is not empty and stays. One at a time.
    /// Ended by `cancel` or `close` of the socket; not by its caller's cancellation.
    auto read(std::span<char> room, of what) {
        constexpr asio::use_awaitable_t<executor> token;
        return asio::async_initiate<asio::use_awaitable_t<executor> const, void(outcome)>(
            [this, room, what](waiter w) { wait(room, what, std::move(w)); }, token);
    }

    /// Begins to read before anybody waits: the next `read`, which names the same room, gets what
    /// came first. So a connection that should be quiet is seen to be, without a look at it.
    void watch(std::span<char> room);
    /// Whether something, or the end, has come since `watch`.
    bool has_news() const { return news_.has_value(); }

private:
    using waiter = asio::async_result<asio::use_awaitable_t<executor>, void(outcome)>::handler_type;

    class operation final : public asio::detail::reactor_op {
    public:
        explicit operation(arrival& owner)
            : reactor_op({}, &operation::perform_read, &operation::complete_read), owner(&owner) {}

        arrival* owner;  // null: gone, and it deletes itself when the loop has done with it
        std::span<char> room;
        tcp_socket::native_handle_type descriptor{};

        static status perform_read(reactor_op* base);

    private:
        static void complete_read(void* loop,
                                  asio::detail::operation* base,
                                  error_code const&,
                                  std::size_t);
    };

    void wait(std::span<char> room, of what, waiter w);
    void prepare(std::span<char> room);
    void start(std::span<char> room);
    void completed();

    tcp_socket& socket_;
    taker* const taker_;
    asio::detail::reactor& reactor_;
    std::unique_ptr<operation> operation_;
    std::optional<waiter> waiter_;
    std::optional<outcome> news_;  // nobody has waited for it yet
    bool is_reading_ = false;
};

}  // namespace sidecache
