#include "proxy/identity/verifier.hpp"

#include "proxy/async/event.hpp"
#include "tests/support/stepped_upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::identity;
using namespace std::chrono_literals;
using telemetry::identity_outcome;
using kind = sighting::kind;

namespace {

std::shared_ptr<verified const> member_of(std::string org) {
    return std::make_shared<verified const>(
        std::vector<std::pair<std::string, std::string>>{{"orgId", std::move(org)}});
}

/// A source that answers when the test says so.
class scripted final : public source {
public:
    struct question {
        explicit question(executor const& ex) : moved(ex) {}
        std::vector<std::pair<std::string, std::string>> fields;
        std::string host;
        event moved;
        std::optional<verdict> told;
        void tell(verdict v) {
            told = std::move(v);
            moved.notify_all();
        }
        void verified_as(std::string org, std::chrono::milliseconds keep = 30s) {
            tell({outcome::verified, {}, member_of(std::move(org)), keep});
        }
    };

    explicit scripted(executor const& ex) : ex_(ex) {}
    bool is_fixed() const override { return false; }
    task<verdict> verify(inquiry const& about) override {
        auto const mine = std::make_shared<question>(ex_);
        for (auto const& f : about.credentials.all()) {
            mine->fields.emplace_back(f.name, f.value);
        }
        mine->host = about.host;
        asked.push_back(mine);
        while (!mine->told && !is_cut) {
            co_await mine->moved.wait();
        }
        co_return mine->told.value_or(verdict{});
    }

    std::vector<std::shared_ptr<question>> asked;
    bool is_cut = false;

private:
    executor ex_;
};

/// A request and what its caller turned out to be.
struct asked {
    http::request_head head;
    std::optional<verifier::answer> answer;
    std::string org() const {
        return answer && answer->who ? std::string(answer->who->variables()[0].value) : "";
    }
};

struct world {
    explicit world(std::size_t max = 100) {
        auto source = std::make_unique<scripted>(context.get_executor());
        script = source.get();
        v = std::make_shared<verifier>(
            std::vector<std::string>{"Authorization", "Cookie"}, std::move(source), max);
    }
    ~world() {
        script->is_cut = true;
        for (auto const& q : script->asked) {
            q->moved.notify_all();
        }
        run();
    }

    sighting look(asked const& a, std::string_view host = "shop") {
        return v->look(a.head.view(), host, boot_clock::now());
    }
    /// Begins to verify; the answer comes when the source has told.
    void ask(asked& a, std::string_view host = "shop") {
        auto const seen = look(a, host);
        REQUIRE(seen.what == kind::unknown);
        auto work =
            [](world& w, asked& mine, std::string h, rules::credential_hash of) -> task<void> {
            asking const from{w.context.get_executor(), w.background, w.upstream};
            mine.answer = co_await w.v->verify(from, mine.head, h, of);
        };
        requests.spawn("request", work(*this, a, std::string(host), seen.of));
        run();
    }
    void run() {
        context.restart();
        context.poll();
    }

    asio::io_context context{1};
    test::stepped_upstream upstream{context.get_executor()};
    scope background{context.get_executor()};
    scope requests{context.get_executor()};
    scripted* script = nullptr;
    std::shared_ptr<verifier> v;
};

asked with(std::vector<std::pair<std::string, std::string>> const& fields) {
    asked out;
    out.head.method = "GET";
    out.head.target = "/a";
    for (auto const& [name, value] : fields) {
        out.head.fields.add(name, value);
    }
    return out;
}

}  // namespace

TEST_CASE("a request without a credential is nobody's, and nobody is asked") {
    world w;
    auto const r = with({{"Accept", "*/*"}, {"X-Org-Id", "7"}});
    CHECK(w.look(r).what == kind::nobody);
}

TEST_CASE("a credential that came twice could be read in two ways; a cookie may come in lines") {
    world w;
    CHECK(w.look(with({{"Authorization", "a"}, {"authorization", "a"}})).what == kind::nobody);
    CHECK(w.look(with({{"Cookie", "a=1"}, {"Cookie", "b=2"}})).what == kind::unknown);
}

TEST_CASE("an unknown caller is asked about once, and known afterwards") {
    world w;
    auto r = with({{"Authorization", "Bearer x"}, {"Accept", "text/html"}, {"X-Org-Id", "1"}});
    w.ask(r);
    REQUIRE(w.script->asked.size() == 1);
    CHECK(w.script->asked[0]->fields ==
          std::vector<std::pair<std::string, std::string>>{{"Authorization", "Bearer x"}});
    CHECK(w.script->asked[0]->host == "shop");
    CHECK_FALSE(r.answer);
    w.script->asked[0]->verified_as("7");
    w.run();
    REQUIRE(r.answer);
    CHECK(r.org() == "7");
    CHECK(r.answer->how == identity_outcome::verified);
    auto const seen = w.look(r);
    CHECK(seen.what == kind::known);
    CHECK(seen.who->variables()[0].value == "7");
    CHECK(w.v->under_way() == 0);
    CHECK(w.v->size() == 1);
}

TEST_CASE("everybody who has the same credential waits for one inquiry") {
    world w;
    std::vector<asked> many(20, with({{"Authorization", "Bearer x"}}));
    for (auto& r : many) {
        w.ask(r);
    }
    auto other = with({{"Authorization", "Bearer y"}});
    w.ask(other);
    REQUIRE(w.script->asked.size() == 2);
    CHECK(w.v->under_way() == 2);
    w.script->asked[0]->verified_as("7");
    w.run();
    for (auto const& r : many) {
        CHECK(r.org() == "7");
    }
    CHECK(many[0].answer->how == identity_outcome::verified);
    CHECK(many[1].answer->how == identity_outcome::joined);
    CHECK_FALSE(other.answer);
    w.script->asked[1]->verified_as("8");
    w.run();
    CHECK(other.org() == "8");
}

TEST_CASE("the same credential at another host is another caller") {
    world w;
    auto here = with({{"Authorization", "Bearer x"}});
    auto there = here;
    w.ask(here, "one");
    w.ask(there, "two");
    REQUIRE(w.script->asked.size() == 2);
    w.script->asked[0]->verified_as("7");
    w.script->asked[1]->tell({outcome::rejected, "status", nullptr, 2s});
    w.run();
    CHECK(here.org() == "7");
    CHECK(w.look(here, "ONE").what == kind::known);
    CHECK(w.look(there, "two").what == kind::refused);
}

TEST_CASE("who is not verified is remembered as such, for as long as the source says") {
    world w;
    auto r = with({{"Cookie", "session=1"}});
    w.ask(r);
    SUBCASE("rejected") {
        w.script->asked[0]->tell({outcome::rejected, "status", nullptr, 2s});
        w.run();
        CHECK(r.answer->how == identity_outcome::rejected);
        CHECK(r.answer->who == nullptr);
        CHECK(w.look(r).what == kind::refused);
    }
    SUBCASE("not at all") {
        w.script->asked[0]->tell({outcome::failed, "timeout", nullptr, 0s});
        w.run();
        CHECK(r.answer->how == identity_outcome::failed);
        CHECK(w.look(r).what == kind::unknown);
    }
}

TEST_CASE("an identity is believed from the moment that it was asked about") {
    world w;
    auto r = with({{"Cookie", "session=1"}});
    auto const before = boot_clock::now();
    w.ask(r);
    auto const after = boot_clock::now();
    w.script->asked[0]->verified_as("7", 30s);
    w.run();
    CHECK(w.v->look(r.head.view(), "shop", before + 29s).what == kind::known);
    CHECK(w.v->look(r.head.view(), "shop", after + 30s).what == kind::unknown);
}

TEST_CASE("who is asked about again is who he is now, from then on") {
    world w;
    auto r = with({{"Cookie", "session=1"}});
    w.ask(r);
    w.script->asked[0]->verified_as("7");
    w.run();
    auto again = r;
    again.answer.reset();
    auto const of = w.look(r).of;
    w.requests.spawn(
        "again", [](world& here, asked& mine, rules::credential_hash const& hash) -> task<void> {
            mine.answer = co_await here.v->ask_again(here.upstream, mine.head, "shop", hash);
        }(w, again, of));
    w.run();
    REQUIRE(w.script->asked.size() == 2);
    SUBCASE("the same, or another one") {
        w.script->asked[1]->verified_as("8");
        w.run();
        CHECK(again.org() == "8");
        CHECK(w.look(r).who->variables()[0].value == "8");
    }
    SUBCASE("nobody any longer") {
        w.script->asked[1]->tell({outcome::rejected, "status", nullptr, 2s});
        w.run();
        CHECK(again.answer->who == nullptr);
        CHECK(w.look(r).what == kind::refused);
    }
    SUBCASE("nobody could tell: what is known goes on until its time is over") {
        w.script->asked[1]->tell({outcome::failed, "timeout", nullptr, 1s});
        w.run();
        CHECK(again.answer->who == nullptr);
        CHECK(again.answer->how == identity_outcome::failed);
        CHECK(w.look(r).what == kind::known);
    }
    SUBCASE("forgotten") {
        w.script->asked[1]->verified_as("8");
        w.run();
        w.v->forget(of);
        CHECK(w.look(r).what == kind::unknown);
    }
}

TEST_CASE("an inquiry that is cut off leaves nobody waiting, and nothing known") {
    world w;
    auto r = with({{"Cookie", "session=1"}});
    auto other = r;
    w.ask(r);
    w.ask(other);
    w.script->is_cut = true;
    w.background.cancel();
    w.run();
    REQUIRE(r.answer);
    REQUIRE(other.answer);
    CHECK(r.answer->who == nullptr);
    CHECK(r.answer->how == identity_outcome::failed);
    CHECK(w.look(r).what == kind::unknown);
}

TEST_CASE("a request that is broken off does not end the inquiry of the others") {
    world w;
    auto first = with({{"Cookie", "session=1"}});
    auto second = first;
    w.ask(first);
    w.ask(second);
    w.requests.cancel();  // once: whoever waits on goes on waiting
    w.run();
    w.script->asked[0]->verified_as("7");
    w.run();
    CHECK(second.org() == "7");
    CHECK(w.look(first).what == kind::known);
}

TEST_CASE("so many inquiries at once, and no more: further callers are not kept waiting") {
    // Before the world: what waits in it answers into them to its very end.
    std::vector<asked> many;
    for (std::size_t i = 0; i < verifier::most_rounds; ++i) {
        many.push_back(with({{"Authorization", "Bearer " + std::to_string(i)}}));
    }
    auto one_more = with({{"Authorization", "Bearer one more"}});
    auto joins = many[0];
    world w(100'000);
    for (auto& r : many) {
        w.ask(r);
    }
    w.ask(one_more);
    REQUIRE(one_more.answer);
    CHECK(one_more.answer->who == nullptr);
    CHECK(one_more.answer->how == identity_outcome::busy);
    CHECK(w.look(one_more).what == kind::unknown);  // nothing was said of him
    w.ask(joins);
    CHECK_FALSE(joins.answer);
    w.script->asked[0]->verified_as("7");
    w.run();
    CHECK(joins.org() == "7");
}

TEST_CASE("what is known outlives a reload that changes nothing of it, and no other") {
    config::identity settings;
    settings.probe.emplace().path = "/me";
    settings.vars = {{"orgId", ".organizationId"}};
    verifiers all;
    auto const first = all.of(settings);
    REQUIRE(first);
    CHECK(all.of(settings) == first);
    settings.vars[0].path = ".org";
    auto const second = all.of(settings);
    CHECK(second != first);
    CHECK(all.of(std::nullopt) == nullptr);
}
