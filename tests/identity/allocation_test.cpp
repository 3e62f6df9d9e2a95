// Who asks is known without an allocation: counted by a replaced operator new, in an executable of
// its own.
#include "proxy/identity/verifier.hpp"
#include "proxy/upstream/exchange.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* p = std::malloc(size == 0 ? 1 : size)) {
        return p;
    }
    throw std::bad_alloc();
}

void operator delete(void* p) noexcept {
    std::free(p);
}

void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

using namespace sidecache;
using namespace sidecache::identity;

namespace {

/// Vouches for everybody, at once.
class trusting final : public source {
public:
    task<verdict> verify(inquiry const&) override {
        co_return verdict{outcome::verified,
                          {},
                          std::make_shared<verified const>(
                              std::vector<std::pair<std::string, std::string>>{{"orgId", "7"}}),
                          std::chrono::hours(1)};
    }
    bool is_fixed() const override { return true; }
};

/// Nobody is asked here.
class no_upstream final : public upstream::client {
public:
    std::unique_ptr<upstream::exchange> open(upstream::repeat, std::chrono::milliseconds) override {
        return nullptr;
    }
    std::size_t idle() const override { return 0; }
};

}  // namespace

TEST_CASE("looking a caller up allocates nothing, whatever comes of it") {
    asio::io_context context{1};
    scope background(context.get_executor());
    no_upstream nobody;
    auto const v = std::make_shared<verifier>(
        std::vector<std::string>{"Authorization", "Cookie"}, std::make_unique<trusting>(), 1'000);
    http::request_head head;
    head.fields.add("Host", "a host with a name that is longer than a small string");
    head.fields.add("Authorization", "Bearer 0123456789012345678901234567890123456789");
    head.fields.add("Cookie", "session=0123456789012345678901234567890123456789");
    auto const host = std::string_view("a host with a name that is longer than a small string");
    auto const r = head.view();
    auto const of = v->look(r, host, boot_clock::now()).of;
    scope requests(context.get_executor());
    requests.spawn("request",
                   [](verifier& by,
                      asking from,
                      http::request_head const& about,
                      std::string_view at,
                      rules::credential_hash hash) -> task<void> {
                       auto const told = co_await by.verify(from, about, at, hash);
                       (void)told;
                   }(*v, asking{context.get_executor(), background, nobody}, head, host, of));
    context.run();
    REQUIRE(v->look(r, host, boot_clock::now()).what == sighting::kind::known);

    auto const before = allocations.load();
    auto const known = v->look(r, host, boot_clock::now());
    auto const elsewhere = v->look(r, "another", boot_clock::now());
    CHECK(allocations.load() == before);
    CHECK(known.who->variables()[0].value == "7");
    CHECK(elsewhere.what == sighting::kind::unknown);
}
