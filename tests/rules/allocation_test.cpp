// The hit path allocates nothing: counted by a replaced operator new, in an executable of its own.
#include "rules/cache_status.hpp"
#include "rules/storable.hpp"
#include "rules/vary.hpp"
#include "tests/rules/definitions.hpp"

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

using namespace sidecache::rules;
using namespace sidecache::rules::test;

TEST_CASE("decide allocates nothing once its buffers have grown") {
    auto d = products_strategy();
    for (auto& rule : d.rules) {
        rule.partition.what = partition_definition::kind::credential;
    }
    d.rules[3].unlisted = unlisted_query::include;
    d.around.trusted = {"Forwarded"};
    auto const rules = compiled(d);
    std::vector<a_request> requests;
    std::vector<std::pair<std::string, std::string>> const fields{
        {"X-Org-Id", "an organization with a name that is longer than a small string"},
        {"Authorization", "Bearer 0123456789012345678901234567890123456789"},
        {"Cookie", "a=1; b=2"},
        {"X-Forwarded-Host", "SHOP.example"},
        {"X-Forwarded-Proto", "https"},
        {"Forwarded", "for=192.0.2.1;proto=https, for=192.0.2.2"}};
    for (std::string const target :
         {"/products/0123456789-0123456789-0123456789",
          "/products/%34%32%3A%2C%2A0123456789012345678901234567890123456789",
          "/products/42/summary",
          "/products?page=2&search=red+shoes+and+something+longer+than+a+small+string",
          "/organizations/7/products?b=%7C|&a=1",
          "/schemas/9/products",
          "/products/42?unlisted=1",
          "/products/./a/path/that/is/odd/and/longer/than/a/small/string",
          "/unknown"}) {
        requests.emplace_back("GET", target, fields);
    }
    std::vector<request> views;
    for (auto& r : requests) {
        views.push_back(r.view());
    }
    decision out;
    std::string status;
    auto const run = [&] {
        for (auto const& view : views) {
            rules->decide(view, out);
            status.clear();
            render_to(status, {.ttl = 541, .key = out.key, .detail = "store"});
        }
    };
    run();  // buffers grow, the hash context of this thread is made
    auto const before = allocations.load();
    run();
    auto const during = allocations.load() - before;
    CHECK(during == 0);

    auto const proof = allocations.load();  // that the counter counts
    out.key.reserve(out.key.capacity() + 1);
    CHECK(allocations.load() - proof == 1);
}

TEST_CASE("telling variants apart, and turning to one, allocates nothing either") {
    std::string const chromium = "gzip, deflate, br, zstd, and-a-coding-that-nobody-knows";
    std::string const spelled = "GZIP;q=1.0, deflate,br , zstd,and-a-coding-that-nobody-knows;q=1";
    std::string const reordered = "br, gzip, deflate, zstd, and-a-coding-that-nobody-knows";
    std::vector<std::pair<std::string_view, std::string_view>> const stored{
        {"accept-encoding", chromium}, {"accept-language", absent_field}};
    a_request same("GET", "/", {{"Accept-Encoding", spelled}});
    a_request other("GET", "/", {{"Accept-Encoding", reordered}});
    auto const same_view = same.view();
    auto const other_view = other.view();
    decision out;
    auto const run = [&] {
        out.key = "product:0123456789-0123456789-0123456789:details";
        out.full_key = out.key;
        out.lock_key = out.key;
        out.variant = 0;
        return vary_matches(stored, same_view) && !vary_matches(stored, other_view) &&
               take_variant(out, stored, other_view);
    };
    // The key's texts are assigned from literals: their buffers have grown after the first run.
    REQUIRE(run());
    auto const before = allocations.load();
    bool const told_apart = run();
    auto const during = allocations.load() - before;
    CHECK(told_apart);
    CHECK(during == 0);
}
