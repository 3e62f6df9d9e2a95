// Requests that come again byte for byte: what is known of them spares the parser and the rules,
// and nothing else.
#include "proxy/cache/pending_purges.hpp"
#include "tests/machines/fill_world.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace sidecache;
using test::fake_downstream;

namespace {

constexpr std::string_view product = "GET /products/1 HTTP/1.1\r\nHost: shop\r\n\r\n";

/// A product in memory, and clients whose heads are at hand.
struct known_world : test::fill_world {
    known_world() : fill_world(1, test::fill_rules, 1 << 20) {
        ask(product);
        upstream().fetches.back()->answer(200, "{}", {{"ETag", "\"v1\""}});
        settle();
        ask(product);  // from the store, and kept
    }
    /// The usual way.
    std::shared_ptr<fake_downstream> ask(std::string_view head) {
        auto client = std::make_shared<fake_downstream>(head);
        client->raw = head;
        auto work = (*this)[0].handler->handle(*client);
        asio::co_spawn(context, std::move(work), [client](std::exception_ptr const& error) {
            if (error) {
                std::rethrow_exception(error);
            }
        });
        settle();
        return client;
    }
    /// The short way; null: not known.
    std::shared_ptr<fake_downstream> ask_known(std::string_view head) {
        auto client = std::make_shared<fake_downstream>("GET / HTTP/1.1\r\n\r\n");
        return (*this)[0].handler->answer_known(*client, head) ? client : nullptr;
    }
    void learn(std::string_view head) {
        ask(head);
        ask(head);
    }
    std::uint64_t near_hits() {
        constexpr auto near = static_cast<std::size_t>(telemetry::hit_tier::near);
        return (*this)[0].metrics("details").hits[near].value();
    }
};

}  // namespace

TEST_CASE("a near hit that comes again is answered as before, without a look at the request") {
    known_world w;
    CHECK_FALSE(w.ask_known(product));
    w.ask(product);
    CHECK_FALSE(w.ask_known(product));  // once may be for ever
    auto const usual = w.ask(product);
    REQUIRE(usual->prepared_head.find("detail=near") != std::string::npos);
    auto const hits = w.near_hits();

    auto const known = w.ask_known(product);
    REQUIRE(known);
    CHECK(known->prepared_head == usual->prepared_head);
    CHECK(known->body == "{}");
    CHECK(known->complete);
    CHECK(w.near_hits() == hits + 1);
    CHECK_FALSE(w.ask_known("GET /products/1 HTTP/1.1\r\nHost: shop\r\nA: b\r\n\r\n"));
    CHECK_FALSE(w.ask_known("GET /products/2 HTTP/1.1\r\nHost: shop\r\n\r\n"));
}

TEST_CASE("whatever says that nothing may be served from memory counts for known requests, too") {
    known_world w;
    w.learn(product);
    REQUIRE(w.ask_known(product));

    SUBCASE("a message dropped what is held") {
        w[0].drop("product:1*");
    }
    SUBCASE("the configuration was replaced") {
        w[0].reload();
    }
    SUBCASE("a purge has not reached the store yet") {
        auto held = w[0].shared.pending.hold({"product:7*"}, w.config().rules);
        CHECK_FALSE(w.ask_known(product));
        held.release();
        CHECK(w.ask_known(product));
        return;
    }
    CHECK_FALSE(w.ask_known(product));
}

TEST_CASE("a request whose answer depends on more than the entry is never known") {
    known_world w;
    std::string_view head;
    SUBCASE("a part of it") {
        head = "GET /products/1 HTTP/1.1\r\nHost: shop\r\nRange: bytes=0-0\r\n\r\n";
    }
    SUBCASE("only if it has changed") {
        head = "GET /products/1 HTTP/1.1\r\nHost: shop\r\nIf-None-Match: \"v1\"\r\n\r\n";
    }
    SUBCASE("the head alone") {
        head = "HEAD /products/1 HTTP/1.1\r\nHost: shop\r\n\r\n";
    }
    SUBCASE("the last one of its connection") {
        head = "GET /products/1 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    }
    SUBCASE("by an older client") {
        head = "GET /products/1 HTTP/1.0\r\nHost: shop\r\n\r\n";
    }
    for (int i = 0; i < 4; ++i) {
        auto const usual = w.ask(head);
        CHECK(usual->prepared_head.find("detail=near") != std::string::npos);
        CHECK_FALSE(w.ask_known(head));
    }
}

TEST_CASE("a variant is not known: what lies under the plain key is looked at each time") {
    known_world w;
    auto const in = [](std::string_view language) {
        return "GET /products/2 HTTP/1.1\r\nHost: shop\r\nAccept-Language: " +
               std::string(language) + "\r\n\r\n";
    };
    for (auto const* language : {"de", "fr"}) {
        w.ask(in(language));
        w.upstream().fetches.back()->answer(200, language, {{"Vary", "Accept-Language"}});
        w.settle();
        w.ask(in(language));  // from the store, and kept
        w.learn(in(language));
    }
    REQUIRE(w.ask(in("fr"))->prepared_head.find("|variant=") != std::string::npos);
    CHECK(w.ask_known(in("de")));
    CHECK_FALSE(w.ask_known(in("fr")));
}
