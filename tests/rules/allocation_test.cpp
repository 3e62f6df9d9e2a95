// The hit path allocates nothing: counted by a replaced operator new, in an executable of its own.
#include "rules/cache_status.hpp"
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
    auto const rules = compiled(d);
    std::vector<a_request> requests;
    std::vector<std::pair<std::string, std::string>> const fields{
        {"X-Org-Id", "an organization with a name that is longer than a small string"},
        {"Authorization", "Bearer 0123456789012345678901234567890123456789"},
        {"Cookie", "a=1; b=2"}};
    for (std::string const target :
         {"/products/0123456789-0123456789-0123456789",
          "/products/%34%32%3A%2C%2A0123456789012345678901234567890123456789",
          "/%70roducts/42/summary",
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
