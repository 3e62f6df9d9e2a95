// A near hit allocates nothing: from the request's head to the bytes that are written. Counted by
// replaced allocation functions, in an executable of its own.
#include "proxy/telemetry/watch.hpp"
#include "tests/machines/fill_world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <memory>

namespace {

std::atomic<std::size_t> allocations{0};

void count() {
    allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// Below operator new: Asio takes the frames of coroutines from aligned_alloc. glibc's own names for
// what is replaced here.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t n, std::size_t size);
void* __libc_realloc(void* p, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) noexcept {
    count();
    return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) noexcept {
    count();
    return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t size) noexcept {
    count();
    return __libc_realloc(p, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}
}

using namespace sidecache;

namespace {

/// Takes hits as a session does, without a copy.
class quiet_client final : public http::downstream {
public:
    explicit quiet_client(http::request_head head) : request_(std::move(head)) {}

    std::size_t near_hits = 0;

    http::request_head const& request() const override { return request_; }
    std::string_view peer() const override { return "127.0.0.1"; }
    task<error_code> send_prepared(unsigned status,
                                   std::string_view head,
                                   std::string_view body) override {
        status_ = status;
        bytes_ = body.size();
        near_hits += head.find("detail=near") != std::string_view::npos ? 1U : 0U;
        co_return error_code{};
    }
    bool keeps_alive() const override { return true; }
    void close_after_answer() override {}
    unsigned status_sent() const override { return status_; }
    std::uint64_t bytes_sent() const override { return bytes_; }

    // No hit comes here.
    task<result<std::size_t>> read_body(asio::mutable_buffer) override { co_return 0; }
    task<error_code> send(http::response_head const&, std::string_view) override {
        co_return error_code{};
    }
    task<error_code> start(http::response_head const&) override { co_return error_code{}; }
    task<error_code> write(asio::const_buffer) override { co_return error_code{}; }
    task<error_code> finish() override { co_return error_code{}; }
    task<error_code> interim(http::response_head const&) override { co_return error_code{}; }
    task<error_code> tunnel(http::response_head const&, tcp_socket, std::string_view) override {
        co_return error_code{};
    }

private:
    http::request_head request_;
    unsigned status_ = 0;
    std::uint64_t bytes_ = 0;
};

struct counted {
    std::size_t in_first = 0;
    std::size_t in_rest = 0;
    bool is_done = false;
};

task<void> ask_often(http::handler& handler, quiet_client& client, counted& out) {
    auto const before = allocations.load();
    co_await handler.handle(client);
    out.in_first = allocations.load() - before;
    auto const grown = allocations.load();
    for (int i = 0; i < 100; ++i) {
        co_await handler.handle(client);
    }
    out.in_rest = allocations.load() - grown;
    out.is_done = true;
}

}  // namespace

TEST_CASE("a near hit allocates nothing once its buffers have grown") {
    test::fill_world w(1, test::fill_rules, 1 << 20);
    telemetry::watch seen(1, boot_clock::now());
    w[0].parts.watch = &seen;  // the sketch of hot keys is on the way of each hit
    w[0].handler = cache::make_handler(w[0].parts);
    auto const filled = w.get("/products/1");
    w.upstream().fetches.back()->answer(200, std::string(900, 'b'), {{"ETag", "\"v1\""}});
    w.settle();
    w.get("/products/1");  // kept
    quiet_client client(
        test::request_from("GET /products/1 HTTP/1.1\r\nUser-Agent: one with a usual length\r\n"));
    counted count;
    auto work = ask_often(*w[0].handler, client, count);
    asio::co_spawn(w.context, std::move(work), [](std::exception_ptr error) {
        if (error) {
            std::rethrow_exception(error);
        }
    });
    w.settle();
    REQUIRE(count.is_done);
    CHECK(client.near_hits == 101);
    CHECK(count.in_rest == 0);
    CHECK_FALSE(seen.keys.read(boot_clock::now()).empty());

    auto const proof = allocations.load();  // that the counter counts
    CHECK(std::make_unique<int>(1) != nullptr);
    CHECK(allocations.load() - proof == 1);
}
