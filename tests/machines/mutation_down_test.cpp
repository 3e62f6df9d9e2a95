#include "tests/machines/mutation_script.hpp"

#include <doctest/doctest.h>

// protocol.md section 5: the store is unreachable.
using namespace sidecache;
using namespace sidecache::cache::mutation;
using namespace sidecache::cache::mutation::test;

TEST_CASE("on_down refuse: nothing is forwarded, and what may have been marked is cleared") {
    script m(one_tag(), put_42());
    m.how.refuse_on_down = true;
    CHECK(m.start() == "begin m product:42*");
    CHECK(m.begin_fails() == "end c product:42*");
    SUBCASE("as far as the store can be reached") {
        CHECK(m.end_fails() == "answer refuse");
    }
    SUBCASE("a begin that failed half-way leaves no marker") {
        CHECK(m.ended() == "answer refuse");
    }
    CHECK(m.replied() == "finish");
}

TEST_CASE("on_down forward: one lease is waited out, under cover, then the request goes out") {
    script m(one_tag(), put_42());
    m.start();
    // 500 ms + 10 % + 10 ms; from here on this process serves nothing under the tag.
    CHECK(m.begin_fails() == "wait 560ms covering product:42*");
    CHECK(m.waited() == "forward");
    SUBCASE("the store is back when the answer comes: bump, publish, wait, answer") {
        CHECK(m.answered(200) == "begin m product:42*");
        CHECK(m.begun() == "end b product:42*");
        CHECK(m.ended() == "publish product:42*");
        CHECK(m.published() == "answer relay");
    }
    SUBCASE("... and members with other rules are noticed then") {
        m.foreign = true;
        m.foreign_rules = {"their-rule"};
        m.answered(200);
        CHECK(m.begun() == "end b product:42* b rule:product-details b rule:their-rule");
        CHECK(m.ended() == "publish product:42* rule:product-details rule:their-rule");
    }
    SUBCASE("the answer is held until the end is done") {
        m.answered(200);
        CHECK(m.begin_fails() == "wait 10ms covering product:42*");
        CHECK(m.waited(10ms) == "begin m product:42*");
        CHECK(m.begin_fails() == "wait 20ms covering product:42*");
        CHECK(m.waited(20ms) == "begin m product:42*");
        CHECK(m.begun() == "end b product:42*");
        CHECK(m.end_fails() == "wait 40ms covering product:42*");
        CHECK(m.waited(40ms) == "begin m product:42*");
        m.begun();
        CHECK(m.ended() == "publish product:42*");
        CHECK(m.published() == "answer relay");
    }
    SUBCASE("... but for on_down_hold at most: then it is owed") {
        auto next = m.answered(200);
        auto const began = m.now;
        while (next == "begin m product:42*") {
            next = m.begin_fails();
            if (next.starts_with("wait")) {
                next = m.waited(160ms);
            }
        }
        CHECK(next == "answer relay owing product:42*");
        CHECK(m.now - began >= 1s);
        CHECK(m.now - began < 1200ms);
        CHECK_FALSE(m.owed->keep_until.has_value());
        CHECK(m.replied() == "finish");
    }
    SUBCASE("nothing was changed: nothing to wait for, and nothing is owed") {
        CHECK(m.answered(404) == "end c product:42*");
        CHECK(m.end_fails() == "answer relay");
    }
    SUBCASE("no answer: what is owed is a marker, too, for as long as one would have stood") {
        CHECK(m.unanswered() == "begin m product:42*");
        m.begin_fails();
        CHECK(m.waited(1s) == "begin m product:42*");
        CHECK(m.begin_fails() == "answer failed owing product:42*");
        CHECK(m.owed->keep_until == m.now + 35s);
    }
}

TEST_CASE("near caches that could not be told are as good as no store") {
    script m(one_tag(), put_42());
    m.how.refuse_on_down = false;
    SUBCASE("refuse: the marks go, nothing is forwarded") {
        m.how.refuse_on_down = true;
        m.start();
        m.begun();
        CHECK(m.publish_fails() == "end c product:42*");
        CHECK(m.ended() == "answer refuse");
    }
    SUBCASE("forward: one lease is waited out, and the end tells again") {
        m.start();
        m.begun();
        CHECK(m.publish_fails() == "wait 560ms covering product:42*");
        CHECK(m.waited() == "forward");
        CHECK(m.answered(200) == "begin m product:42*");
        CHECK(m.begun() == "end b product:42*");
        CHECK(m.ended() == "publish product:42*");
        CHECK(m.published() == "answer relay");
    }
    SUBCASE("at the end: the answer is held until they have been, then it is owed") {
        m.start();
        m.begun();
        m.published();
        CHECK(m.answered(200) == "end b product:42*");
        CHECK(m.ended({"product:42*"}) == "publish product:42*");
        CHECK(m.publish_fails() == "wait 10ms covering product:42*");
        CHECK(m.waited(10ms) == "end b product:42*");
        CHECK(m.ended({"product:42*"}) == "publish product:42*");
        SUBCASE("in time") {
            CHECK(m.published() == "answer relay");
        }
        SUBCASE("too late") {
            m.now += 1s;
            CHECK(m.publish_fails() == "answer relay owing product:42*");
        }
    }
}

TEST_CASE("what only an entry or the response would tell is wide without a store") {
    script m(moving(), put_42());
    m.start();
    SUBCASE("from the beginning") {}
    SUBCASE("lost between begin and begin") {
        m.begun();
        CHECK(m.looked(R"({"schemaId": 5})") ==
              "begin m product:42* i rule:schema-products m schema:5:products");
    }
    auto const next = m.begin_fails();
    CHECK(next.starts_with("wait 560ms covering product:42* rule:schema-products"));
    CHECK(m.waited() == "forward");
    auto const again = m.answered(200, R"({"schemaId": 6})");
    CHECK(again.starts_with("begin m product:42* m rule:schema-products"));
    auto const end = m.begun();
    CHECK(end.find("b product:42* b rule:schema-products") != std::string::npos);
    CHECK(end.find("b schema:6:products") != std::string::npos);
}

TEST_CASE("the store goes away between begin and end: held, then owed") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    m.published();
    m.answered(200);
    CHECK(m.end_fails() == "wait 10ms covering product:42*");
    SUBCASE("it comes back in time") {
        CHECK(m.waited(10ms) == "end b product:42*");
        CHECK(m.ended() == "answer relay");
    }
    SUBCASE("it comes back as another one: its near caches have to be told") {
        m.server = {0, 2};
        CHECK(m.waited(10ms) == "end b product:42*");
        CHECK(m.ended({"product:42*"}) == "publish product:42*");
    }
    SUBCASE("it does not") {
        CHECK(m.waited(1s) == "end b product:42*");
        CHECK(m.end_fails() == "answer relay owing product:42*");
    }
    SUBCASE("refuse makes no difference: the request has gone out") {
        script r(one_tag(), put_42());
        r.how.refuse_on_down = true;
        r.start();
        r.begun();
        r.published();
        r.answered(200);
        CHECK(r.end_fails() == "wait 10ms covering product:42*");
    }
    SUBCASE("nothing was changed: the deadline takes the marks off") {
        script n(one_tag(), put_42());
        n.start();
        n.begun();
        n.published();
        CHECK(n.answered(404) == "end c product:42*");
        CHECK(n.end_fails() == "answer relay");
    }
}

TEST_CASE("a settle that is owed is a marker that long after the answer") {
    auto d = one_tag();
    d.purges[0].settle = 700ms;
    script m(d, put_42());
    m.start();
    m.begun();
    m.published();
    m.answered(200);
    m.end_fails();
    m.waited(1s);
    CHECK(m.end_fails() == "answer relay owing product:42*");
    CHECK(m.owed->keep_until == m.now + 700ms);
    CHECK(m.replied() == "finish");  // nothing stands that could be taken off
}
