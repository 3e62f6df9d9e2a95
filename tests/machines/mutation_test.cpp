#include "tests/machines/mutation_script.hpp"

#include <doctest/doctest.h>

// protocol.md section 3, items 2 to 8, line by line. In *italics* there: the name of a test here.
using namespace sidecache;
using namespace sidecache::cache::mutation;
using namespace sidecache::cache::mutation::test;

TEST_CASE("a mutation marks, publishes, forwards, bumps, and only then answers") {
    script m(one_tag(), put_42());
    CHECK(m.start() == "begin m product:42*");
    CHECK(m.begun() == "publish product:42*");
    CHECK(m.published() == "forward");
    CHECK(m.answered(200) == "end b product:42*");
    CHECK(m.ended() == "answer relay");
    CHECK(m.replied() == "finish");
    CHECK(m.result_of_forward() == outcome::changed);
}

TEST_CASE("publish before the marker and a member refills from the store") {
    // ... so nothing is published, and nothing forwarded, before every mark has its reply: also
    // those that a look-up adds.
    script m(moving(), put_42());
    CHECK(m.start() == "begin m product:42* i rule:schema-products");
    CHECK(m.begun() == "look 0");
    CHECK(m.looked(R"({"schemaId": 5})") ==
          "begin m product:42* i rule:schema-products m schema:5:products");
    CHECK(m.begun() == "publish product:42* rule:schema-products schema:5:products");
    CHECK(m.published() == "forward");
}

TEST_CASE("a tag bumped only at the end is lost when the proxy dies") {
    // ... so what only the response will tell has an intent on its widened tag from the beginning.
    script m(told_by_the_response(), put_42());
    CHECK(m.start() == "begin i rule:product-details");
    CHECK(m.begun() == "publish rule:product-details");
    CHECK(m.published() == "forward");
    SUBCASE("the response narrows it: the tag is new, so near caches are told of it") {
        CHECK(m.answered(200, R"({"id": 7})") == "end b product:7*");
        CHECK(m.ended() == "publish product:7*");
        CHECK(m.published() == "answer relay");
        // Not before: should the bump be refused and this process die, the intent's deadline is
        // all there is.
        CHECK(m.replied() == "end c rule:product-details");
        CHECK(m.ended() == "finish");
    }
    SUBCASE("a response that does not tell leaves it wide; an intent had kept nobody out") {
        CHECK(m.answered(200, "<html>") == "end b rule:product-details");
        CHECK(m.ended() == "publish rule:product-details");
    }
}

TEST_CASE("an entry is looked at under the own marker; what it does not tell is marked wide") {
    script m(moving(), put_42());
    m.start();
    m.begun();
    auto const wide = "begin m product:42* m rule:schema-products";
    SUBCASE("no entry") {
        CHECK(m.looked(std::nullopt) == wide);
    }
    SUBCASE("the store does not say") {
        CHECK(m.look_fails() == wide);
    }
    SUBCASE("an entry from before an earlier purge") {
        CHECK(m.looked(R"({"schemaId": 5})", {{"product:42*", 9}}) == wide);
    }
    SUBCASE("an entry that another mutation is about to change") {
        m.others = {"path:/products/42"};
        CHECK(m.looked(R"({"schemaId": 5})") == wide);
    }
    CHECK(m.begun() == "publish product:42* rule:schema-products");
    CHECK(m.published() == "forward");
    CHECK(m.answered(200, R"({"schemaId": 6})") ==
          "end b product:42* b rule:schema-products b schema:6:products");
}

TEST_CASE("an entry that does not tell the variable widens it") {
    script m(moving(), put_42());
    m.start();
    m.begun();
    CHECK(m.looked(R"({"id": 42})") == "begin m product:42* m rule:schema-products");
}

TEST_CASE("another's marker on a tag that carries the own one, too, makes an entry unusable") {
    script m(moving(), put_42());
    m.start();
    m.others = {"product:42*"};
    m.begun();  // the reply says so; a reading could not tell the two apart
    CHECK(m.looked(R"({"schemaId": 5})") == "begin m product:42* m rule:schema-products");
}

TEST_CASE("a begin that has grown old protects nothing") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    SUBCASE("more than half of margin since begin was sent: begin again, publish again") {
        m.now += 2501ms;
        CHECK(m.published() == "begin m product:42*");
        CHECK(m.begun() == "publish product:42*");
        m.now += 2500ms;
        CHECK(m.published() == "forward");
    }
    SUBCASE("the age counts from the sending: a reply that took long is old on arrival") {
        script slow(one_tag(), put_42());
        slow.start();
        slow.now += 3s;
        slow.begun();
        CHECK(slow.published() == "begin m product:42*");
    }
    SUBCASE("it does not try for ever: then the store counts as unreachable") {
        std::string next = "publish product:42*";
        int begins = 1;
        while (next == "publish product:42*") {
            m.now += 3s;
            next = m.published();
            if (next == "begin m product:42*") {
                ++begins;
                next = m.begun();
            }
        }
        CHECK(begins == 8);
        CHECK(next == "wait 560ms covering product:42*");
    }
}

TEST_CASE("a begin counts within one lease of a look at who answers, and so does an end") {
    script m(one_tag(), put_42());
    m.how.on_down_hold = 50ms;
    m.now = time_point(10s);
    m.checked_at = m.now;
    m.start();
    SUBCASE("up to the lease it does") {
        m.now += m.how.lease - 1ns;
        CHECK(m.begun() == "publish product:42*");
    }
    SUBCASE("whose check is as old as the lease first asks, then begins again") {
        m.now += m.how.lease;
        CHECK(m.begun() == "verify");
        CHECK(m.verified() == "begin m product:42*");
        CHECK(m.begun() == "publish product:42*");
        CHECK(m.published() == "forward");
    }
    SUBCASE("it begins again under the identity that it finds, and waits for those listed there") {
        m.now += 1h;
        CHECK(m.begun() == "verify");
        m.server = {0, 2};
        CHECK(m.verified() == "begin m product:42*");
        CHECK(m.begun() == "publish product:42*");
    }
    SUBCASE("each begin is asked for: one that had grown old, too") {
        CHECK(m.begun() == "publish product:42*");
        m.now += m.how.margin;
        CHECK(m.published() == "begin m product:42*");
        CHECK(m.begun() == "verify");
        CHECK(m.verified() == "begin m product:42*");
        CHECK(m.begun() == "publish product:42*");
        CHECK(m.published() == "forward");
    }
    SUBCASE("a server that does not answer is no store: forward") {
        m.now += m.how.lease;
        CHECK(m.begun() == "verify");
        CHECK(m.verified(false) == "wait 560ms covering product:42*");
        CHECK(m.waited() == "forward");
        SUBCASE("back when the end comes, but only to who asks") {
            m.now += m.how.lease;
            CHECK(m.answered(200) == "begin m product:42*");
            CHECK(m.begun() == "verify");
            CHECK(m.verified() == "begin m product:42*");
            CHECK(m.begun() == "end b product:42*");
        }
        SUBCASE("or not: held, then owed") {
            m.now += m.how.lease;
            m.answered(200);
            CHECK(m.begun() == "verify");
            CHECK(m.verified(false) == "wait 10ms covering product:42*");
            m.now += m.how.lease;
            CHECK(m.waited() == "begin m product:42*");
            CHECK(m.begun() == "verify");
            CHECK(m.verified(false) == "answer relay owing product:42*");
        }
    }
    SUBCASE("... or refuse") {
        // `script` copies the policy at the start.
        script strict(one_tag(), put_42());
        strict.how.refuse_on_down = true;
        strict.now = time_point(10s);
        strict.checked_at = time_point(1s);
        strict.start();
        CHECK(strict.begun() == "verify");
        CHECK(strict.verified(false) == "end c product:42*");
        CHECK(strict.end_fails() == "answer refuse");
    }
    SUBCASE("a check that is always too old by the time of the reply ends in time") {
        std::string next = "begin m product:42*";
        int asked = 0;
        for (; next == "begin m product:42*"; ++asked) {
            m.now += m.how.lease;
            REQUIRE(m.begun() == "verify");
            next = m.verified();
        }
        CHECK(next == "wait 560ms covering product:42*");
        CHECK(asked == 8);
    }
    SUBCASE("an end on a connection that nobody has looked at is done again, told and waited for") {
        m.begun();
        m.published();
        m.now += m.how.lease;
        CHECK(m.answered(200) == "end b product:42*");
        CHECK(m.ended() == "verify");
        SUBCASE("") {
            CHECK(m.verified() == "end b product:42*");
            CHECK(m.ended({"product:42*"}) == "publish product:42*");
            CHECK(m.published() == "answer relay");
        }
        SUBCASE("or held and owed") {
            CHECK(m.verified(false) == "wait 10ms covering product:42*");
            m.now += m.how.lease;
            CHECK(m.waited() == "end b product:42*");
            CHECK(m.ended() == "verify");
            CHECK(m.verified(false) == "answer relay owing product:42*");
        }
    }
    SUBCASE("where nothing was changed nobody needs to know who took the marks off") {
        m.begun();
        m.published();
        m.now += m.how.lease;
        CHECK(m.answered(404) == "end c product:42*");
        CHECK(m.ended() == "answer relay");
    }
}

TEST_CASE("the new primary never saw the marker") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    m.server = {0, 2};
    SUBCASE("before the upstream is asked: begin again, there") {
        CHECK(m.published() == "begin m product:42*");
        CHECK(m.begun() == "publish product:42*");
        CHECK(m.published() == "forward");
    }
    SUBCASE("in mid-mutation: publish and wait before the answer") {
        m.server = {0, 1};
        CHECK(m.published() == "forward");
        m.server = {0, 2};
        CHECK(m.answered(200) == "end b product:42*");
        CHECK(m.ended() == "publish product:42*");
        CHECK(m.published() == "answer relay");
    }
}

TEST_CASE("DELETE commits, connection breaks, the repeat says 404 'nothing changed'") {
    // ... so there is one forward, and no answer means that nobody knows.
    script m(one_tag(), {"DELETE", "/products/42"});
    m.start();
    m.begun();
    CHECK(m.published() == "forward");
    CHECK(m.unanswered() == "end k product:42*");
    CHECK(m.ended() == "answer failed");
    CHECK(m.replied() == "finish");
    CHECK(m.result_of_forward() == outcome::unknown);
}

TEST_CASE("a request of which no byte went out has changed nothing") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    m.published();
    CHECK(m.unanswered(false) == "end c product:42*");
    CHECK(m.ended() == "answer failed");
    CHECK(m.result_of_forward() == outcome::unchanged);
}

TEST_CASE("it moved twice") {
    // A looks: the product is in schema 5. B moves it to 8 and A to 6. A's commit takes it out of
    // 8, which A never read; B's own purge of 8 may have come before that.
    script a(moving(), put_42());
    a.start();
    a.begun();
    a.looked(R"({"schemaId": 5})");
    a.begun();
    CHECK(a.published() == "forward");
    // The entry is looked at in the very batch that bumps what is known.
    CHECK(a.answered(200, R"({"schemaId": 6})") ==
          "end b product:42* b schema:5:products b schema:6:products");
    CHECK(a.looks_along == std::vector<std::size_t>{0});
    auto const wide = "end b rule:schema-products";
    SUBCASE("nobody came between: the tags stay narrow, and the intent goes when all is done") {
        CHECK(a.ended() == "look 0");
        CHECK(a.looked(std::nullopt) == "publish product:42* schema:5:products schema:6:products");
        CHECK(a.published() == "answer relay");
        CHECK(a.replied() == "end c rule:schema-products");
        CHECK(a.ended() == "finish");
    }
    SUBCASE("B has ended since the look-up: another generation") {
        a.ended();
        a.generations["product:42*"] = 2;
        CHECK(a.looked(std::nullopt) == wide);
        CHECK(a.looks_along.empty());
        CHECK(a.ended() ==
              "publish product:42* rule:schema-products schema:5:products schema:6:products");
        CHECK(a.published() == "answer relay");
        CHECK(a.replied() == "finish");
    }
    SUBCASE("B is still under way: its marker stands on a tag of ours besides our own") {
        a.ended();
        a.others = {"product:42*"};
        CHECK(a.looked(std::nullopt) == wide);
    }
    SUBCASE("B marked a tag of the entry that A did not") {
        a.ended();
        a.others = {"path:/products/42"};
        CHECK(a.looked(std::nullopt) == wide);
    }
    SUBCASE("the second look fails: what cannot be confirmed is not trusted") {
        a.ended();
        CHECK(a.look_fails() == wide);
    }
    SUBCASE("an end that had to be done again finds its own generations, and trusts nothing") {
        CHECK(a.end_fails() ==
              "wait 10ms covering product:42* schema:5:products schema:6:products");
        a.waited();
        a.ended();
        a.generations["product:42*"] = 3;
        CHECK(a.looked(std::nullopt) == wide);
    }
    SUBCASE("on another server generations say nothing") {
        a.server = {0, 2};
        CHECK(a.ended() == "look 0");
        CHECK(a.looked(std::nullopt) == wide);
    }
    SUBCASE("the wider bump fails: held, told with it when it succeeds") {
        a.ended();
        a.look_fails();
        CHECK(a.end_fails() ==
              "wait 10ms covering product:42* rule:schema-products schema:5:products "
              "schema:6:products");
        CHECK(a.waited() == wide);
        CHECK(a.ended() ==
              "publish product:42* rule:schema-products schema:5:products schema:6:products");
    }
}

TEST_CASE("it moved twice, or perhaps not") {
    script a(moving(), put_42());
    a.start();
    a.begun();
    a.looked(R"({"schemaId": 5})");
    a.begun();
    a.published();
    SUBCASE("nothing was changed: no second look, and no tag moves") {
        CHECK(a.answered(404) == "end c product:42* c rule:schema-products c schema:5:products");
        CHECK(a.looks_along.empty());
    }
    SUBCASE("an unknown outcome may commit behind anybody's: wide") {
        CHECK(a.unanswered() == "end k product:42* k rule:schema-products k schema:5:products");
        CHECK(a.looks_along.empty());
    }
}

TEST_CASE("begin, publish and look go in as few batches as they can") {
    SUBCASE("what the request tells is marked and told at once") {
        script m(one_tag(), put_42());
        CHECK(m.start() == "begin m product:42*");
        CHECK(m.told_along);
        CHECK(m.begun() == "publish product:42*");
        CHECK(m.is_sent);
        m.published();
        CHECK(m.answered(200) == "end b product:42*");
        CHECK_FALSE(m.told_along);
        CHECK(m.ended() == "answer relay");
    }
    SUBCASE("an entry is looked at behind the marker; what it tells costs another begin") {
        script m(moving(), put_42());
        CHECK(m.start() == "begin m product:42* i rule:schema-products");
        CHECK(m.looks_along == std::vector<std::size_t>{0});
        CHECK_FALSE(m.told_along);
        CHECK(m.begun() == "look 0");
        CHECK(m.looked(R"({"schemaId": 5})") ==
              "begin m product:42* i rule:schema-products m schema:5:products");
        CHECK(m.looks_along.empty());
        CHECK(m.told_along);
        CHECK(m.begun() == "publish product:42* rule:schema-products schema:5:products");
        CHECK(m.is_sent);
    }
    SUBCASE("a right guess saves it") {
        script m(moving(), put_42());
        CHECK(m.start(R"({"schemaId": 5})") ==
              "begin m product:42* i rule:schema-products m schema:5:products");
        CHECK(m.looks_along == std::vector<std::size_t>{0});
        CHECK(m.told_along);
        CHECK(m.begun() == "look 0");
        CHECK(m.looked(R"({"schemaId": 5})") ==
              "publish product:42* rule:schema-products schema:5:products");
        CHECK(m.is_sent);
        CHECK(m.published() == "forward");
        SUBCASE("it stays where it is: no second message") {
            CHECK(m.answered(200, R"({"schemaId": 5})") == "end b product:42* b schema:5:products");
            CHECK_FALSE(m.told_along);
            CHECK(m.ended() == "look 0");
            CHECK(m.looked(std::nullopt) == "answer relay");
        }
        SUBCASE("it moves: the message goes with the end") {
            CHECK(m.answered(200, R"({"schemaId": 6})") ==
                  "end b product:42* b schema:5:products b schema:6:products");
            CHECK(m.told_along);
            m.ended();
            m.looked(std::nullopt);
            CHECK(m.is_sent);
        }
    }
    SUBCASE("a wrong one costs a mark, which goes in the end") {
        script m(moving(), put_42());
        m.start(R"({"schemaId": 4})");
        m.begun();
        CHECK(m.looked(R"({"schemaId": 5})") ==
              "begin m product:42* i rule:schema-products m schema:4:products m schema:5:products");
        CHECK(m.told_along);
        m.begun();
        m.published();
        CHECK(m.answered(200, R"({"schemaId": 5})") == "end b product:42* b schema:5:products");
        m.ended();
        CHECK(m.looked(std::nullopt) == "answer relay");
        CHECK(m.replied() == "end c rule:schema-products c schema:4:products");
    }
    SUBCASE("a guess is none where the entry is not there") {
        script m(moving(), put_42());
        m.start(R"({"schemaId": 4})");
        m.begun();
        CHECK(m.looked(std::nullopt) ==
              "begin m product:42* m rule:schema-products m schema:4:products");
    }
    SUBCASE("a message that goes with the end and is not taken: all of it again") {
        script m(told_by_the_response(), put_42());
        m.start();
        m.begun();
        m.published();
        CHECK(m.answered(200, R"({"id": 42})") == "end b product:42*");
        CHECK(m.told_along);
        CHECK(m.ended() == "publish product:42*");
        CHECK(m.is_sent);
        CHECK(m.publish_fails() == "wait 10ms covering product:42*");
        CHECK(m.waited() == "end b product:42*");
        CHECK(m.told_along);
        m.ended();
        CHECK(m.published() == "answer relay");
    }
}

TEST_CASE("somebody may have refilled a near cache in mid-mutation") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    m.published();
    m.answered(200);
    SUBCASE("the marker stood all the while: no second publish") {
        CHECK(m.ended() == "answer relay");
    }
    SUBCASE("the marker was gone (evicted, swept): publish, wait, then answer") {
        CHECK(m.ended({"product:42*"}) == "publish product:42*");
        CHECK(m.published() == "answer relay");
    }
}

TEST_CASE("a status that says so changes nothing: marks go, generations stay") {
    for (unsigned const status : {400U,
                                  401U,
                                  403U,
                                  404U,
                                  405U,
                                  406U,
                                  409U,
                                  410U,
                                  411U,
                                  412U,
                                  413U,
                                  414U,
                                  415U,
                                  417U,
                                  422U,
                                  428U,
                                  429U,
                                  431U,
                                  501U}) {
        CAPTURE(status);
        script m(one_tag(), put_42());
        m.start();
        m.begun();
        m.published();
        CHECK(m.answered(status) == "end c product:42*");
        CHECK(m.ended({"product:42*"}) == "answer relay");
        CHECK(m.result_of_forward() == outcome::unchanged);
    }
}

TEST_CASE("any other status counts as a change") {
    for (unsigned const status : {200U, 201U, 204U, 301U, 303U, 408U, 418U, 500U, 505U}) {
        CAPTURE(status);
        script m(one_tag(), put_42());
        m.start();
        m.begun();
        m.published();
        CHECK(m.answered(status) == "end b product:42*");
    }
}

TEST_CASE("with a fan-out, some of those statuses may come after a part was done") {
    auto d = one_tag();
    d.purges.push_back(
        a_purge("bulk", {"DELETE /products"}, {"product:{id}*"}, {{"id", "body.ids[*]"}}));
    for (unsigned const status : {404U, 409U, 410U, 412U, 422U, 428U, 401U}) {
        CAPTURE(status);
        script m(d, {"DELETE", "/products"}, R"({"ids": [1, 2]})");
        CHECK(m.start() == "begin m product:1* m product:2*");
        m.begun();
        m.published();
        CHECK(m.answered(status) ==
              (status == 401 ? "end c product:1* c product:2*" : "end b product:1* b product:2*"));
    }
}

TEST_CASE("unknown outcomes bump and keep the marker until its deadline") {
    script m(one_tag(), put_42());
    m.start();
    m.begun();
    m.published();
    m.now += 4s;
    for (unsigned const status : {202U, 502U, 503U, 504U}) {
        CAPTURE(status);
        script each = m;
        CHECK(each.answered(status) == "end k product:42*");
        // One that was lost meanwhile is set anew for what was left of it.
        CHECK(each.end_life == 31s);
        CHECK(each.ended() == "answer relay");
        CHECK(each.replied() == "finish");
        CHECK(each.result_of_forward() == outcome::unknown);
    }
    SUBCASE("a response that breaks off in mid-content is one, too") {
        answered a;
        a.status = 200;
        a.cut_short = true;
        CHECK(m.answered(a) == "end k product:42*");
        CHECK(m.ended() == "answer failed");
    }
}

TEST_CASE("an intent becomes a marker before the client gets its 504") {
    script m(told_by_the_response(), put_42());
    m.start();
    m.begun();
    m.published();
    CHECK(m.unanswered() == "end k rule:product-details");
    // Near caches may have been refilled under an intent.
    CHECK(m.ended() == "publish rule:product-details");
    CHECK(m.published() == "answer failed");
}

TEST_CASE("settle keeps the markers that long after any answer") {
    auto d = one_tag();
    d.purges[0].settle = 700ms;
    script m(d, put_42());
    m.start();
    m.begun();
    m.published();
    SUBCASE("changed: bumped at once, marked for a while") {
        CHECK(m.answered(200) == "end k product:42*");
        CHECK(m.end_life == 700ms);
        CHECK(m.ended() == "answer relay");
        CHECK(m.replied() == "wait 700ms");
        CHECK(m.waited() == "end c product:42*");
        CHECK(m.ended() == "finish");
    }
    SUBCASE("unchanged: marked for a while, never bumped") {
        CHECK(m.answered(404) == "answer relay");
        CHECK(m.replied() == "wait 700ms");
        CHECK(m.waited() == "end c product:42*");
    }
    SUBCASE("unknown: until the deadline, which is later") {
        CHECK(m.answered(504) == "end k product:42*");
        CHECK(m.end_life == 35s);
        m.ended();
        CHECK(m.replied() == "finish");
    }
}

TEST_CASE("a response too large to hold back: bumped at its head, marked, bumped at its end") {
    answered head;
    head.too_large = true;
    head.status = 200;
    SUBCASE("what it would have told stays wide") {
        script m(moving(), put_42());
        m.start();
        m.begun();
        m.looked(R"({"schemaId": 5})");
        m.begun();
        m.published();
        CHECK(m.answered(head) == "end k product:42* k rule:schema-products");
        CHECK(m.ended() == "publish product:42* rule:schema-products");
        CHECK(m.published() == "stream");
        CHECK(m.streamed() == "end b product:42* b rule:schema-products");
        CHECK(m.ended() == "end c schema:5:products");
        CHECK(m.ended() == "finish");
    }
    SUBCASE("one that breaks off leaves the marker") {
        script m(one_tag(), put_42());
        m.start();
        m.begun();
        m.published();
        m.answered(head);
        CHECK(m.ended() == "stream");
        CHECK(m.streamed(false) == "end k product:42*");
        CHECK(m.ended() == "finish");
    }
    SUBCASE("the store is lost while it streams: owed") {
        script m(one_tag(), put_42());
        m.start();
        m.begun();
        m.published();
        m.answered(head);
        m.ended();
        m.streamed();
        CHECK(m.end_fails() == "finish owing product:42*");
    }
    SUBCASE("one that changed nothing is streamed without marks") {
        script m(one_tag(), put_42());
        m.start();
        m.begun();
        m.published();
        head.status = 404;
        CHECK(m.answered(head) == "end c product:42*");
        CHECK(m.ended() == "stream");
        CHECK(m.streamed() == "finish");
    }
}

TEST_CASE("a long upload renews its markers") {
    script m(one_tag(), put_42(), std::nullopt);
    m.start();
    m.begun();
    m.published();
    m.now += 2500ms;
    CHECK(m.renewal_due() == "begin m product:42*");
    SUBCASE("they stood: as if nothing had been") {
        CHECK(m.begun() == "carry on");
        m.now += 10s;
        CHECK(m.answered(503) == "end k product:42*");
        CHECK(m.end_life == 25s);  // of the renewed one
        CHECK(m.ended() == "answer relay");
    }
    SUBCASE("one had gone in between, and the new one hides it: its generation tells") {
        m.generations["product:42*"] = 2;
        CHECK(m.begun() == "carry on");
        m.answered(200);
        CHECK(m.ended() == "publish product:42*");
    }
    SUBCASE("the store does not answer: the request goes on, the end will tell") {
        CHECK(m.begin_fails() == "carry on");
        CHECK(m.answered(200) == "end b product:42*");
    }
}

TEST_CASE(
    "while members have other rules, every rule's tag is marked and bumped, ours and theirs") {
    script m(moving(), {"POST", "/elsewhere"});
    m.foreign = true;
    m.foreign_rules = {"their-rule"};
    CHECK(m.start() == "begin m path:/elsewhere");
    CHECK(
        m.begun() ==
        "begin m path:/elsewhere m rule:product-details m rule:schema-products m rule:their-rule");
    CHECK(m.begun() ==
          "publish path:/elsewhere rule:product-details rule:schema-products rule:their-rule");
    m.published();
    SUBCASE("changed") {
        CHECK(m.answered(200) ==
              "end b path:/elsewhere b rule:product-details "
              "b rule:schema-products b rule:their-rule");
        CHECK(m.ended() == "answer relay");
    }
    SUBCASE("a stranger's 401 flushes nothing") {
        CHECK(m.answered(401) ==
              "end c path:/elsewhere c rule:product-details "
              "c rule:schema-products c rule:their-rule");
    }
}

TEST_CASE("a member with other rules that joins in mid-mutation is noticed at the end") {
    script m(one_tag(), put_42());
    m.start();
    CHECK(m.begun() == "publish product:42*");
    m.published();
    CHECK(m.answered(200) == "end b product:42*");
    m.foreign_at_end = true;
    m.foreign_rules = {"their-rule"};
    CHECK(m.ended() == "end b rule:product-details b rule:their-rule");
    CHECK(m.ended() == "publish product:42* rule:product-details rule:their-rule");
    CHECK(m.published() == "answer relay");
}

TEST_CASE("a mutation that began under other rules bumps by both") {
    script m(one_tag(), put_42());
    auto d = one_tag();
    d.rules.push_back(a_rule("list", "GET /products", "products"));
    d.purges[0].patterns.push_back({"products", {}});
    d.purges[0].unchanged_statuses = std::vector<unsigned>{418};
    auto const later = compiled(d);
    auto request = put_42();
    answered a;
    a.other_rules = later->mutate(request.view(), "");
    m.start();
    m.begun();
    m.published();
    SUBCASE("the new tag is told to near caches, which no marker kept away from it") {
        a.status = 200;
        CHECK(m.answered(a) == "end b product:42* b rule:list");
        CHECK(m.ended() == "publish product:42* rule:list");
        CHECK(m.published() == "answer relay");
    }
    SUBCASE("nothing was changed only where both say so") {
        a.status = 404;
        CHECK(m.answered(a) == "end b product:42* b rule:list");
    }
    SUBCASE("a reload while the response streams counts, too") {
        auto const other = std::exchange(a.other_rules, std::nullopt);
        a.status = 200;
        a.too_large = true;
        CHECK(m.answered(a) == "end k product:42*");
        CHECK(m.ended() == "stream");
        CHECK(m.streamed(true, other) == "end b product:42* b rule:list");
        CHECK(m.ended() == "publish product:42* rule:list");
        CHECK(m.published() == "finish");
    }
}

TEST_CASE("a mutation that matches no purge marks and bumps its path") {
    script m(one_tag(), {"POST", "/products/42/images"});
    CHECK(m.start() == "begin m path:/products/42/images");
    CHECK(m.begun() == "publish path:/products/42/images");
    CHECK(m.published() == "forward");
    CHECK(m.answered(201) == "end b path:/products/42/images");
    CHECK(m.ended() == "answer relay");
}
