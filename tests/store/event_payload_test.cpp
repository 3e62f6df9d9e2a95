#include "proxy/store/event_payload.hpp"

#include <doctest/doctest.h>

#include <string>

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
