#include "proxy/identity/probe.hpp"

#include "proxy/async/scope.hpp"
#include "tests/support/stepped_upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace sidecache;
using namespace sidecache::identity;
using namespace std::chrono_literals;
using upstream::failure;

namespace {

struct world {
    explicit world(config::probe how = {}) {
        how.path = "/me?full=1";
        by = make_probe(how, {{"userId", ".id"}, {"orgId", ".organization.id"}});
        about.credentials.add("Authorization", "Bearer x");
    }
    /// Asks; the backend is to answer.
    test::stepped_upstream::fetch& ask() {
        requests.spawn("probe", [](world& w) -> task<void> {
            w.told = co_await w.by->verify(w.about);
        }(*this));
        run();
        REQUIRE(backend.count() == 1);
        return backend[0];
    }
    verdict answered(unsigned status,
                     std::string_view content,
                     test::stepped_upstream::fields fields = {}) {
        ask().answer(status, content, std::move(fields));
        run();
        REQUIRE(told);
        return *told;
    }
    void run() {
        context.restart();
        context.poll();
    }

    asio::io_context context{1};
    test::stepped_upstream backend{context.get_executor()};
    scope requests{context.get_executor()};
    std::unique_ptr<source> by;
    inquiry about{{}, "shop.example", "1234", backend};
    std::optional<verdict> told;
};

std::string org_of(verdict const& v) {
    return v.who ? std::string(v.who->variables()[1].value) : "";
}

constexpr std::string_view good = R"({"id": 12, "organization": {"id": "acme"}, "more": [1]})";

}  // namespace

TEST_CASE("the backend gets the credentials and what each request has, and nothing else") {
    world w;
    w.about.credentials.add("Cookie", "session=1");
    auto& fetch = w.ask();
    CHECK(fetch.request.method == "GET");
    CHECK(fetch.request.target == "/me?full=1");
    CHECK(fetch.how == upstream::repeat::safe);
    std::string sent;
    fetch.request.fields.write_to(sent);
    CHECK(sent ==
          "Host: shop.example\r\n"
          "Authorization: Bearer x\r\n"
          "Cookie: session=1\r\n"
          "Accept: application/json\r\n"
          "Via: 1.1 sidecache\r\n"
          "X-Request-Id: 1234\r\n");
    CHECK(fetch.request.body == http::framing::none);
    fetch.fail(failure::broken);
    w.run();
}

TEST_CASE("2xx with a value for each variable is a verified caller") {
    for (unsigned const status : {200U, 203U}) {
        world w;
        auto const v = w.answered(status, good, {{"Cache-Control", "no-store"}});
        CHECK(v.what == outcome::verified);
        REQUIRE(v.who);
        CHECK(v.who->variables()[0].name == "userId");
        CHECK(v.who->variables()[0].value == "12");
        CHECK(org_of(v) == "acme");
        CHECK(v.keep == 30s);
    }
}

TEST_CASE("an answer that tells too little verifies nobody") {
    for (std::string_view const content : {
             R"({"id": 12})",
             R"({"id": 12, "organization": null})",
             R"({"id": 12, "organization": {"id": null}})",
             R"({"id": 12, "organization": {"id": {"a": 1}}})",
             R"({"id": 12, "organization": {"id": [1, 2]}})",
             R"({"id": 12, "organization": {"id": 1.5}})",
             R"({"id": 12, "organization": {"id": ""}})",
             R"({"id": 12, "organization": {"id": 1, "id": 2}})",
             R"({"id": 12, "organization": {"id": "acme"})",
             "",
             "<html>",
         }) {
        CAPTURE(content);
        world w;
        auto const v = w.answered(200, content);
        CHECK(v.what == outcome::rejected);
        CHECK(v.who == nullptr);
        CHECK(v.keep == 2s);
    }
}

TEST_CASE("a status other than 2xx verifies nobody; trouble is soon asked about again") {
    for (unsigned const status : {301U, 304U, 400U, 401U, 403U, 404U, 429U}) {
        CAPTURE(status);
        world w;
        auto const v = w.answered(status, good);
        CHECK(v.what == outcome::rejected);
        CHECK(v.why == "status");
        CHECK(v.keep == 2s);
    }
    for (unsigned const status : {500U, 503U}) {
        CAPTURE(status);
        world w;
        auto const v = w.answered(status, good);
        CHECK(v.what == outcome::failed);
        CHECK(v.keep == 1s);
    }
}

TEST_CASE("no answer verifies nobody") {
    for (auto const why : {failure::timeout, failure::broken, failure::malformed}) {
        CAPTURE(upstream::name(why));
        world w;
        w.ask().fail(why);
        w.run();
        REQUIRE(w.told);
        CHECK(w.told->what == outcome::failed);
        CHECK(w.told->why == upstream::name(why));
        CHECK(w.told->keep == 1s);
    }
    SUBCASE("one that breaks off") {
        world w;
        auto& fetch = w.ask();
        fetch.head(200, {}, 100);
        fetch.body(good);
        fetch.fail(failure::truncated);
        w.run();
        REQUIRE(w.told);
        CHECK(w.told->what == outcome::failed);
    }
}

TEST_CASE("an endless answer is not read to its end") {
    world w;
    auto& fetch = w.ask();
    fetch.head(200);
    std::string const piece(1'000, ' ');
    for (std::size_t i = 0; i < 70 && !w.told; ++i) {
        fetch.body(piece);
        w.run();
    }
    REQUIRE(w.told);
    CHECK(w.told->what == outcome::failed);
    CHECK(w.told->why == "too_large");
    CHECK(fetch.gone);
}

TEST_CASE("a credential beside what is forwarded verifies nobody, and is not sent") {
    config::probe how;
    how.forward = {"Authorization"};
    world w(how);
    w.about.credentials.add("Cookie", "session=1");
    w.requests.spawn("probe", [](world& here) -> task<void> {
        here.told = co_await here.by->verify(here.about);
    }(w));
    w.run();
    REQUIRE(w.told);
    CHECK(w.told->what == outcome::rejected);
    CHECK(w.told->why == "other_credential");
    CHECK(w.backend.count() == 0);
}
