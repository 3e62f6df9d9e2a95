// stale_while_revalidate and stale_if_error of a rule with a duration: off by default, in their
// window only, and never past a write.
#include "tests/support/eventually.hpp"
#include "tests/support/recording_upstream.hpp"
#include "tests/support/sidecache_process.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <string_view>

using namespace sidecache::tests;

namespace {

bool says(http_response const& r, std::string_view part) {
    return r["Cache-Status"].find(part) != std::string::npos;
}

/// A backend that counts, in front of it the program with one rule whose entries live for 50 ms.
class stage {
public:
    explicit stage(std::string const& rule)
        : backend_([this](std::string_view method, std::string_view) { return answer(method); }),
          proxy_(
              "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
              "store: {url: \"memory://\"}\nupstream: {url: \"" +
              backend_.url() +
              "\"}\nrules:\n  - {name: a, match: \"GET /a/{id}\", key: \"a:{id}\", ttl: 50ms" +
              rule + "}\npurges:\n  - {name: p, on: \"PUT /a/{id}\", patterns: [\"a:{id}\"]}\n") {}

    http_response get() { return proxy_.get("/a/1"); }
    http_response put() { return proxy_.request("PUT", "/a/1", {}, "x"); }
    /// Until a look-up finds nothing but what is over.
    bool becomes(std::string_view part) {
        return eventually([&] { return says(get(), part); });
    }

    std::atomic<int> asked = 0;
    std::atomic<unsigned> status = 200;  // 0: closes the connection
    std::string more{};

private:
    std::string answer(std::string_view method) {
        if (status == 0) {
            return {};
        }
        auto const body = method == "GET" ? std::to_string(++asked) : std::string("done");
        return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + more +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    recording_upstream backend_;
    sidecache_process proxy_;
};

}  // namespace

TEST_CASE("stale_while_revalidate: what is over is served at once, and fetched behind it") {
    stage s(", stale_while_revalidate: 1h");
    CHECK(s.get().body == "1");
    http_response served;
    CHECK(eventually([&] {
        served = s.get();
        return says(served, "hit; ttl=-");
    }));
    CHECK(served.status == 200);
    // Behind it: sooner or later what is served is what came then.
    CHECK(eventually([&] { return s.get().body != served.body; }));

    SUBCASE("never past a write") {
        CHECK(s.becomes("hit; ttl=-"));
        s.put();
        auto const before = s.asked.load();
        auto const after = s.get();
        CHECK_FALSE(says(after, "hit"));
        CHECK(std::stoi(after.body) > before);
    }
}

TEST_CASE("stale_if_error: what is over stands in for a backend in trouble") {
    stage s(", stale_if_error: 1h");
    CHECK(s.get().body == "1");
    CHECK(s.becomes("fwd=stale"));
    auto const stands_in = [&] {
        auto const r = s.get();
        return r.status == 200 && says(r, "fwd=stale; ") && says(r, "detail=stale_if_error");
    };
    for (unsigned const status : {500U, 502U, 503U, 504U, 0U}) {
        CAPTURE(status);
        s.status = status;
        CHECK(eventually(stands_in));
    }
    s.status = 404;
    CHECK(eventually([&] { return s.get().status == 404; }));

    SUBCASE("never past a write") {
        s.status = 200;
        s.put();
        s.status = 503;
        CHECK(s.get().status == 503);
        s.status = 0;
        CHECK(s.get().status == 502);
    }
}

TEST_CASE("without the keys, or where the response forbids it, nothing is served past its ttl") {
    for (bool const is_forbidden : {false, true}) {
        CAPTURE(is_forbidden);
        stage s(is_forbidden ? ", stale_while_revalidate: 1h, stale_if_error: 1h" : "");
        if (is_forbidden) {
            s.more = "Cache-Control: must-revalidate\r\n";
        }
        CHECK(s.get().status == 200);
        s.status = 503;
        CHECK(eventually([&] { return s.get().status == 503; }));
        s.status = 0;
        CHECK(s.get().status == 502);
    }
}
