// A write whose answer names groups (RFC 9875): both the groups and the tag of all are marked
// before either is bumped (proxy/cache/entry_groups.hpp), however often that has to be tried.
#include "tests/machines/mutation_script.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using namespace sidecache::cache::mutation;
using namespace sidecache::cache::mutation::test;

namespace {

rules::definition catch_all() {
    rules::definition d;
    auto rest = a_rule("rest", "GET /{path*}", "");
    rest.ttl = std::chrono::milliseconds(0);
    rest.origin = true;
    d.rules.push_back(std::move(rest));
    return d;
}

answered naming(std::string const& tag, unsigned status = 204) {
    answered a;
    a.status = status;
    a.also.groups.tags = {tag};
    return a;
}

/// Up to where the upstream has the request.
void forward(script& m) {
    CHECK(m.start() == "begin m path:/a");
    CHECK(m.begun() == "publish path:/a");
    CHECK(m.published() == "forward");
}

std::string const all = "cache-group:* m cache-group:g m path:/a";
std::string const bumps = "end b cache-group:* b cache-group:g b path:/a";
std::string const tells = "publish cache-group:* cache-group:g path:/a";

}  // namespace

TEST_CASE("groups that the answer names are marked, then bumped, then told of") {
    script m(catch_all(), {"POST", "/a"});
    forward(m);
    CHECK(m.answered(naming("cache-group:g")) == "begin m " + all);
    CHECK(m.begun() == bumps);
    CHECK(m.ended() == tells);
    CHECK(m.published() == "answer relay");
}

TEST_CASE("an answer that names none ends as ever") {
    script m(catch_all(), {"POST", "/a"});
    forward(m);
    CHECK(m.answered(204) == "end b path:/a");
    CHECK(m.ended() == "answer relay");
}

TEST_CASE("a list that cannot be read: all that is under ttl: origin, and no second begin") {
    script m(catch_all(), {"POST", "/a"});
    forward(m);
    answered a;
    a.status = 200;
    a.also.groups.is_unreadable = true;
    CHECK(m.answered(a) == "end b path:/a b rule:rest");
}

TEST_CASE("a bump that has to be tried again is tried under marks again") {
    script m(catch_all(), {"POST", "/a"});
    forward(m);
    CHECK(m.answered(naming("cache-group:g")) == "begin m " + all);
    SUBCASE("the store does not take the marks") {
        CHECK(
            m.begin_fails().starts_with("wait 10ms covering cache-group:* cache-group:g path:/a"));
        CHECK(m.waited(10ms) == "begin m " + all);
        CHECK(m.begun() == bumps);
    }
    SUBCASE("it does not take the bump") {
        CHECK(m.begun() == bumps);
        CHECK(m.end_fails().starts_with("wait 10ms covering cache-group:* cache-group:g path:/a"));
        CHECK(m.waited(10ms) == "begin m " + all);
        CHECK(m.begun() == bumps);
    }
    SUBCASE("nobody knows who took it") {
        CHECK(m.begun() == bumps);
        m.checked_at = m.now - 1s;
        CHECK(m.ended() == "verify");
        CHECK(m.verified() == "begin m " + all);
        CHECK(m.begun() == bumps);
    }
    SUBCASE("never: it is owed, groups and all") {
        m.begin_fails();
        CHECK(m.waited(2s) == "begin m " + all);
        CHECK(m.begin_fails() == "answer relay owing cache-group:* cache-group:g path:/a");
    }
}
