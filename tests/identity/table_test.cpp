#include "proxy/identity/table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace sidecache;
using namespace sidecache::identity;
using namespace std::chrono_literals;

namespace {

rules::credential_hash hash_of(std::string const& token) {
    std::vector<std::string> const names{"Authorization"};
    std::vector<rules::field> const fields{{"Authorization", token}};
    return rules::hash_credential(fields, names).value();
}

std::shared_ptr<verified const> somebody(std::string org = "7") {
    return std::make_shared<verified const>(
        std::vector<std::pair<std::string, std::string>>{{"orgId", std::move(org)}});
}

boot_clock::time_point at(std::chrono::seconds s) {
    return boot_clock::time_point(s);
}

}  // namespace

TEST_CASE("what is known is known until its time is over") {
    table t(100);
    CHECK_FALSE(t.find(hash_of("a"), at(0s)));
    t.put(hash_of("a"), somebody(), at(30s));
    auto const found = t.find(hash_of("a"), at(29s));
    REQUIRE(found);
    REQUIRE(found->who);
    CHECK(found->who->variables()[0].name == "orgId");
    CHECK(found->who->variables()[0].value == "7");
    CHECK_FALSE(t.find(hash_of("a"), at(30s)));
    CHECK_FALSE(t.find(hash_of("b"), at(0s)));
}

TEST_CASE("what was asked before everybody was forgotten is not remembered") {
    table t(100);
    t.put(hash_of("a"), somebody(), at(90s), at(10s));
    t.put(hash_of("b"), nullptr, at(90s), at(10s));
    t.forget(at(20s));
    CHECK(t.size() == 0);
    CHECK_FALSE(t.find(hash_of("a"), at(21s)));
    // An answer that comes late, to a question from before, or of that very moment.
    t.put(hash_of("a"), somebody(), at(90s), at(19s));
    t.put(hash_of("b"), somebody(), at(90s), at(20s));
    CHECK(t.size() == 0);
    t.put(hash_of("a"), somebody(), at(90s), at(21s));
    CHECK(t.find(hash_of("a"), at(22s)));
}

TEST_CASE("a later answer replaces an earlier one, whichever they are") {
    table t(100);
    t.put(hash_of("a"), somebody("7"), at(30s));
    t.put(hash_of("a"), somebody("8"), at(40s));
    CHECK(t.find(hash_of("a"), at(35s))->who->variables()[0].value == "8");
    t.put(hash_of("a"), nullptr, at(50s));
    CHECK(t.find(hash_of("a"), at(35s))->who == nullptr);
    t.put(hash_of("a"), somebody("9"), at(60s));
    CHECK(t.find(hash_of("a"), at(35s))->who->variables()[0].value == "9");
    CHECK(t.size() == 1);
}

TEST_CASE("an earlier question's answer does not replace a later one's, nor what was forgotten") {
    table t(100);
    t.put(hash_of("a"), somebody("8"), at(40s), at(10s));
    t.put(hash_of("a"), somebody("7"), at(35s), at(5s));
    CHECK(t.find(hash_of("a"), at(11s))->who->variables()[0].value == "8");
    t.forget(hash_of("a"), at(20s));
    CHECK_FALSE(t.find(hash_of("a"), at(20s)));
    t.put(hash_of("a"), somebody("8"), at(50s), at(20s));  // was under way
    CHECK_FALSE(t.find(hash_of("a"), at(21s)));
    t.put(hash_of("a"), somebody("9"), at(51s), at(21s));
    CHECK(t.find(hash_of("a"), at(22s))->who->variables()[0].value == "9");
    t.forget(hash_of("nobody"), at(20s));
    CHECK_FALSE(t.find(hash_of("nobody"), at(20s)));
}

TEST_CASE("a full table forgets who has not been seen for longest") {
    table t(8);  // six of them for the verified
    for (int i = 0; i < 6; ++i) {
        t.put(hash_of(std::to_string(i)), somebody(), at(100s));
    }
    CHECK(t.find(hash_of("0"), at(1s)));
    t.put(hash_of("new"), somebody(), at(100s));
    CHECK(t.find(hash_of("0"), at(1s)));
    CHECK_FALSE(t.find(hash_of("1"), at(1s)));
    CHECK(t.find(hash_of("new"), at(1s)));
    CHECK(t.size() == 6);
}

TEST_CASE("strangers who make up credentials push out strangers only") {
    table t(10'000);
    t.put(hash_of("me"), somebody(), at(100s));
    for (int i = 0; i < 20'000; ++i) {
        t.put(hash_of("made up " + std::to_string(i)), nullptr, at(100s));
    }
    CHECK(t.find(hash_of("me"), at(1s)));
    CHECK(t.size() <= 2'501);
}

TEST_CASE("many verified callers stay within the bound, too") {
    table t(10'000);
    for (int i = 0; i < 20'000; ++i) {
        t.put(hash_of(std::to_string(i)), somebody(), at(100s));
    }
    CHECK(t.size() <= 7'500);
    CHECK(t.size() > 7'000);
}

TEST_CASE("any thread may look and tell") {
    table t(1'000);
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n) {
        threads.emplace_back([&t] {
            for (int i = 0; i < 2'000; ++i) {
                auto const h = hash_of(std::to_string(i % 50));
                auto const found = t.find(h, at(1s));
                if (!found) {
                    t.put(h, i % 3 == 0 ? nullptr : somebody(), at(100s));
                } else if (found->who) {
                    CHECK(found->who->variables()[0].value == "7");
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(t.size() == 50);
}

TEST_CASE("credentials are told apart by every field, by their number, and by the host") {
    std::vector<std::string> const names{"Authorization", "Cookie"};
    auto const hash = [&](std::vector<rules::field> const& fields, std::string_view host = {}) {
        return rules::hash_credential(fields, names, host).value();
    };
    std::vector<rules::credential_hash> const all{
        hash({{"Authorization", "a"}}),
        hash({{"Authorization", "b"}}),
        hash({{"Cookie", "a"}}),
        hash({{"Authorization", "a"}, {"Cookie", "a"}}),
        hash({{"Authorization", "a"}, {"Cookie", ""}}),
        hash({{"Cookie", "a"}, {"Cookie", "b"}}),
        hash({{"Cookie", "ab"}}),
        hash({{"Authorization", "a"}}, "one"),
        hash({{"Authorization", "a"}}, "two"),
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            CAPTURE(i);
            CAPTURE(j);
            CHECK(all[i] != all[j]);
        }
    }
    CHECK(hash({{"authorization", "a"}}) == all[0]);
    CHECK(hash({{"Accept", "x"}, {"Authorization", "a"}}) == all[0]);
    CHECK(hash({{"Authorization", "a"}}, "ONE") == all[7]);
}
