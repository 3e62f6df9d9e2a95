#include "proxy/store/event_payload.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::store;

TEST_CASE("golden: a fill_done payload") {
    std::string out;
    format_to(out, fill_done{fill_outcome::stored, "product:42:lock"});
    CHECK(out == "1 fill_done stored product:42:lock");
}

TEST_CASE("every outcome comes back, with whatever the lock key holds") {
    for (auto const outcome :
         {fill_outcome::stored, fill_outcome::not_stored, fill_outcome::failed}) {
        for (auto const* key : {"k", "a b", " ", "|credential=0f"}) {
            std::string out;
            format_to(out, fill_done{outcome, key});
            auto const back = parse_fill_done(out);
            REQUIRE(back.has_value());
            CHECK(back->outcome == outcome);
            CHECK(back->lock_key == key);
        }
    }
}

TEST_CASE("what is not understood is ignored") {
    for (auto const* payload : {"",
                                "1",
                                "1 fill_done",
                                "1 fill_done ",
                                "1 fill_done stored",
                                "1 fill_done stored ",
                                "1 fill_done eaten product:42:lock",
                                "2 fill_done stored product:42:lock",
                                "1 dropped 0f product:42*"}) {
        CAPTURE(payload);
        CHECK_FALSE(parse_fill_done(payload).has_value());
    }
}

TEST_CASE("golden: a drop and its acknowledgement") {
    id128 const round{0x09ab, 0x77};
    id128 const member{0x5f0c, 0xe1};
    std::vector<std::string_view> const tags{"product:42*", "rule:details"};
    std::string out;
    format_drop_to(out, round, member, tags);
    CHECK(out ==
          "1 drop 00000000000009ab0000000000000077 0000000000005f0c00000000000000e1 "
          "11:product:42*12:rule:details");
    auto const drop = parse_drop(out);
    REQUIRE(drop.has_value());
    CHECK(drop->round == round);
    CHECK(drop->member == member);
    CHECK_FALSE(drop->everything);
    CHECK(drop->tags == tags);

    out.clear();
    format_to(out, drop_ack{round, member});
    CHECK(out == "1 ack 00000000000009ab0000000000000077 0000000000005f0c00000000000000e1");
    auto const ack = parse_ack(out);
    REQUIRE(ack.has_value());
    CHECK(ack->round == round);
    CHECK(ack->member == member);
}

TEST_CASE("tags come back whatever they hold") {
    std::vector<std::string_view> const tags{"", "a b", "3:x", "*", "line\nfeed", "\x01\xff"};
    std::string out;
    format_drop_to(out, {1, 2}, {3, 4}, tags);
    auto const drop = parse_drop(out);
    REQUIRE(drop.has_value());
    CHECK(drop->tags == tags);
}

TEST_CASE("a list of tags that is too long says everything") {
    std::vector<std::string_view> const tags(100, "product:42*");
    std::string out;
    format_drop_to(out, {1, 2}, {3, 4}, tags, 200);
    CHECK(out.size() < 200);
    auto const drop = parse_drop(out);
    REQUIRE(drop.has_value());
    CHECK(drop->everything);
    CHECK(drop->tags.empty());
}

TEST_CASE("a drop that is not whole is none") {
    std::string const head =
        "1 drop 00000000000009ab0000000000000077 0000000000005f0c00000000000000e1";
    for (std::string const& bad : {head,
                                   head + " ",
                                   head + " 3:ab",
                                   head + " 3",
                                   head + " :ab",
                                   head + " x:ab",
                                   head + " -1:ab",
                                   head + " 99999999999999999999:ab",
                                   head + " 2:ab!",
                                   head + " **",
                                   "2" + head.substr(1) + " *",
                                   std::string("1 drop"),
                                   std::string("1 drop  *"),
                                   std::string("1 drop 00000000000009ab0000000000000077 *")}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_drop(bad).has_value());
    }
    CHECK_FALSE(parse_ack("1 ack 00000000000009ab0000000000000077").has_value());
    CHECK_FALSE(parse_ack(head).has_value());
}
