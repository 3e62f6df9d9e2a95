#include "tests/consistency/analysis.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache::consistency;
using enum violation::kind;

namespace {

constexpr ns ms = 1'000'000;
constexpr std::int64_t own = 1'000'000;  // prices of writes start here

/// Product 1 of organization 1, schema 1: version 1 from the seeding on; then what a test adds.
struct story {
    history h;
    story() { seed(1); }

    void seed(id product) { commits(product, 1, 1, 500, 1, 2); }
    void commits(
        id product, std::int64_t version, id schema, std::int64_t price, ns began, ns done) {
        h.commits.push_back({product, version, 1, schema, price, began * ms, done * ms});
    }
    void deletes(id product, ns began, ns done) {
        h.commits.push_back({product, 0, 0, 0, 0, began * ms, done * ms});
    }
    write& change(std::int64_t price, ns began, ns ended, int status = 200) {
        write w;
        w.price_cents = price;
        w.products = {1};
        w.status = status;
        w.began = began * ms;
        w.ended = ended * ms;
        h.writes.push_back(w);
        return h.writes.back();
    }
    void sees(register_kind what, id of, std::vector<shown> products, ns began, ns ended) {
        read r;
        r.what = what;
        r.of = of;
        r.status = products.empty() && what == register_kind::product ? 404 : 200;
        r.began = began * ms;
        r.ended = ended * ms;
        r.seen = h.contents.size();
        h.contents.push_back({true, true, std::move(products)});
        h.reads.push_back(r);
    }
    void sees_version(std::int64_t version, std::int64_t price, ns began, ns ended) {
        sees(register_kind::product, 1, {{1, version, 1, 1, price}}, began, ended);
    }
    std::vector<violation::kind> kinds(checks const& what = {}) const {
        std::vector<violation::kind> out;
        for (auto const& v : analyse(h, what).violations) {
            INFO(v.text);
            out.push_back(v.what);
        }
        return out;
    }
};

using found = std::vector<violation::kind>;

}  // namespace

TEST_CASE("while a write is under way, a read may show either state") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 30);
    s.sees_version(1, 500, 11, 29);
    s.sees_version(2, own, 12, 40);
    CHECK(s.kinds() == found{});
    CHECK(analyse(s.h, {}).checked == 2);
}

TEST_CASE("P1: a read that starts after the answer does not show what was before") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 30);
    s.sees_version(1, 500, 31, 40);
    CHECK(s.kinds() == found{stale});
    CHECK(s.kinds({.monotonic = false, .abandoned = false}) == found{stale});
}

TEST_CASE("P1: an answer of failure counts for what was committed by then, and for no more") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.commits(1, 3, 1, own + 1, 50, 51);
    s.change(own, 10, 30, 504);
    s.change(own + 1, 11, 30, 504);
    s.sees_version(1, 500, 31, 40);
    s.sees_version(2, own, 60, 61);  // its answer came before the commit
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("P2: once a state was shown, nobody sees what was before") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 90);
    s.sees_version(2, own, 22, 25);
    s.sees_version(1, 500, 26, 30);
    CHECK(s.kinds() == found{not_monotonic});
    CHECK(s.kinds({.monotonic = false}) == found{});
}

TEST_CASE("P2: reads that overlap may show states in either order") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 90);
    s.sees_version(2, own, 22, 30);
    s.sees_version(1, 500, 26, 40);
    CHECK(s.kinds() == found{});
}

TEST_CASE("P2 goes across what shows the same product") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 90);
    s.sees_version(2, own, 22, 25);
    s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}}, 26, 30);
    CHECK(s.kinds() == found{not_monotonic});
}

TEST_CASE("P3: a write without an answer shows once its marks are over") {
    story s;
    s.commits(1, 2, 1, own, 20, 21);
    s.change(own, 10, 30, 0).over = 1000 * ms;
    s.sees_version(1, 500, 900, 950);
    CHECK(s.kinds() == found{});
    s.sees_version(1, 500, 1001, 1002);
    CHECK(s.kinds() == found{abandoned});
    CHECK(s.kinds({.abandoned = false}) == found{});
}

TEST_CASE("no answer that the backend did not give") {
    story s;
    SUBCASE("a version from nowhere") {
        s.sees_version(7, 500, 10, 11);
    }
    SUBCASE("another price than that version's") {
        s.sees_version(1, 501, 10, 11);
    }
    SUBCASE("before it was committed") {
        s.commits(1, 2, 1, own, 20, 21);
        s.change(own, 10, 30);
        s.sees_version(2, own, 11, 19);
    }
    SUBCASE("another product") {
        s.seed(2);
        s.sees(register_kind::product, 1, {{2, 1, 1, 1, 500}}, 10, 11);
    }
    SUBCASE("in a list where it does not belong") {
        s.sees(register_kind::schema, 2, {{1, 1, 1, 1, 500}}, 10, 11);
    }
    SUBCASE("twice in a list") {
        s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}, {1, 1, 1, 1, 500}}, 10, 11);
    }
    CHECK(s.kinds() == found{invented});
}

TEST_CASE("what always was there is not missing") {
    story s;
    s.sees(register_kind::product, 1, {}, 10, 11);
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("a list without a product whose creation was answered is stale") {
    story s;
    s.commits(9, 1, 1, own, 20, 21);
    auto& w = s.change(own, 10, 30, 201);
    w.what = write::kind::creation;
    w.products.clear();
    s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}}, 25, 40);
    CHECK(s.kinds() == found{});
    s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}}, 31, 40);
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("a list with a product whose end was answered is stale") {
    story s;
    s.deletes(1, 20, 21);
    auto& w = s.change(0, 10, 30, 204);
    w.what = write::kind::deletion;
    s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}}, 15, 40);
    s.sees(register_kind::organization, 1, {}, 31, 40);
    s.sees(register_kind::organization, 1, {}, 50, 51);
    CHECK(s.kinds() == found{});
    s.sees(register_kind::organization, 1, {{1, 1, 1, 1, 500}}, 60, 61);
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("a product that moved leaves one schema's list and comes into the other's") {
    story s;
    s.commits(1, 2, 2, own, 20, 21);
    s.change(own, 10, 30);
    s.sees(register_kind::schema, 1, {}, 31, 32);
    s.sees(register_kind::schema, 2, {{1, 2, 1, 2, own}}, 31, 32);
    CHECK(s.kinds() == found{});
    SUBCASE("the one it left still shows it") {
        s.sees(register_kind::schema, 1, {{1, 1, 1, 1, 500}}, 40, 41);
    }
    SUBCASE("the one it came to does not show it yet") {
        s.sees(register_kind::schema, 2, {}, 40, 41);
    }
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("a page that is not complete is held to what it shows only") {
    story s;
    s.seed(2);
    s.sees(register_kind::page, 1, {{1, 1, 1, 1, 500}}, 10, 11);
    s.h.contents.back().complete = false;
    CHECK(s.kinds() == found{});
    s.h.contents.back().complete = true;
    CHECK(s.kinds() == found{stale});
}

TEST_CASE("each acknowledged write was committed once, a refused one never") {
    story s;
    SUBCASE("acknowledged, and not there") {
        s.change(own, 10, 30);
        CHECK(s.kinds() == found{lost_update});
    }
    SUBCASE("twice") {
        s.commits(1, 2, 1, own, 20, 21);
        s.commits(1, 3, 1, own, 22, 23);
        s.change(own, 10, 30);
        CHECK(s.kinds() == found{repeated_update});
    }
    SUBCASE("refused, and there") {
        s.commits(1, 2, 1, own, 20, 21);
        s.change(own, 10, 30, 503).refused = true;
        CHECK(s.kinds() == found{repeated_update});
    }
    SUBCASE("no answer: it may be there or not") {
        s.change(own, 10, 30, 0);
        s.commits(1, 2, 1, own + 1, 20, 21);
        s.change(own + 1, 10, 30, 0);
        CHECK(s.kinds() == found{});
    }
}

TEST_CASE("reads that came to nothing are counted apart") {
    story s;
    s.sees_version(1, 500, 10, 11);
    s.h.reads.push_back(s.h.reads.back());
    s.h.reads.back().status = 0;
    auto const v = analyse(s.h, {});
    CHECK(v.checked == 1);
    CHECK(v.unanswered == 1);
}
