#include "proxy/store/tag_value.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache;
using namespace sidecache::store;
using namespace std::chrono_literals;

namespace {

constexpr generation old_gen{0, 1};
constexpr generation fresh{0, 2};
constexpr generation fresher{0, 3};
constexpr mutation_id mine{0, 0xA};
constexpr mutation_id theirs{0, 0xB};
constexpr unix_ms now = 1'764'000'000'000;
constexpr auto keep = 1h;
constexpr auto keep_ms = 3'600'000;
constexpr auto life = 35s;
constexpr auto life_ms = 35'000;

std::string const gen_text = "00000000000000000000000000000001";
std::string const mine_text = "0000000000000000000000000000000a";

stored_tag unmarked() {
    return {{old_gen, 0, {}}, now + 10'000};
}
stored_tag marked(mutation_id m, mark_kind k, unix_ms deadline) {
    return {{old_gen, now + 10'000, {{k, m, deadline}}}, 0};
}

}  // namespace

TEST_CASE("an id is 32 lower-case hex digits") {
    CHECK(id128{0x0123456789abcdef, 0xfedcba9876543210}.hex() ==
          "0123456789abcdeffedcba9876543210");
    CHECK(id128::parse("0123456789abcdeffedcba9876543210") ==
          id128{0x0123456789abcdef, 0xfedcba9876543210});
    for (auto const* bad : {"",
                            "0123456789abcdeffedcba987654321",
                            "0123456789abcdeffedcba98765432100",
                            "0123456789ABCDEFfedcba9876543210",
                            "0123456789abcdeffedcba987654321g",
                            " 123456789abcdeffedcba9876543210"}) {
        CAPTURE(bad);
        CHECK_FALSE(id128::parse(bad).has_value());
    }
}

TEST_CASE("no other byte is a digit of an id, wherever it stands") {
    for (std::size_t at = 0; at < 32; ++at) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            std::string text = "0123456789abcdeffedcba9876543210";
            text[at] = static_cast<char>(byte);
            auto const id = id128::parse(text);
            bool const is_digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            CHECK(id.has_value() == is_digit);
            if (id) {
                CHECK(id->hex() == text);
            }
        }
    }
}

TEST_CASE("random ids differ") {
    auto& ids = random_ids();
    auto const first = ids.next();
    for (int i = 0; i < 1000; ++i) {
        CHECK(ids.next() != first);
    }
}

TEST_CASE("the bytes of a tag value") {
    SUBCASE("golden: a tag without marks is its generation") {
        CHECK(format_tag({old_gen, 0, {}}) == gen_text);
    }
    SUBCASE("golden: marks, with the expiry owed") {
        tag_value const v{
            old_gen,
            1764000600000,
            {{mark_kind::marker, mine, 1764000035000}, {mark_kind::intent, theirs, 1764000036000}}};
        auto const text = gen_text + ";x1764000600000;m" + mine_text +
                          "@1764000035000;i0000000000000000000000000000000b@1764000036000";
        CHECK(format_tag(v) == text);
        auto const back = parse_tag(text);
        REQUIRE(back.has_value());
        CHECK(format_tag(*back) == text);
        CHECK(back->marks.size() == 2);
    }
    SUBCASE("anything else is no tag value, and reads as a missing tag") {
        for (std::string const& bad : {std::string(),
                                       std::string("hello"),
                                       gen_text.substr(1),
                                       gen_text + "0",
                                       gen_text + ";",
                                       gen_text + ";x",
                                       gen_text + ";x;m" + mine_text + "@1",
                                       gen_text + ";x1234567890123456",
                                       gen_text + ";m" + mine_text,
                                       gen_text + ";m" + mine_text + "@",
                                       gen_text + ";m" + mine_text + "@1x",
                                       gen_text + ";q" + mine_text + "@1",
                                       gen_text + ";m" + mine_text + "@-1",
                                       gen_text + ";m" + mine_text.substr(1) + "@1"}) {
            CAPTURE(bad);
            CHECK_FALSE(parse_tag(bad).has_value());
            CHECK_FALSE(read_tag(bad).present);
        }
    }
}

TEST_CASE("a hit's reading of a tag") {
    auto const plain = read_tag(gen_text);
    CHECK(plain.present);
    CHECK_FALSE(plain.marker);
    CHECK(plain.gen == old_gen);
    CHECK(plain.intent_deadline == std::numeric_limits<unix_ms>::max());

    auto const two = read_tag(gen_text + ";i" + mine_text + "@20;i" + mine_text + "@10");
    CHECK_FALSE(two.marker);
    CHECK(two.intent_deadline == 10);
    CHECK(read_tag(gen_text + ";m" + mine_text + "@10").marker);
}

TEST_CASE("a snapshot makes a missing tag with a fresh generation") {
    auto const t = snapshot_tag(std::nullopt, fresh, now, keep);
    CHECK(t.value.gen == fresh);
    CHECK(t.value.marks.empty());
    CHECK(t.expires_at == now + keep_ms);
}

TEST_CASE("a snapshot keeps a generation and extends its life, never shortening it") {
    CHECK(snapshot_tag(unmarked(), fresh, now, keep).value.gen == old_gen);
    CHECK(snapshot_tag(unmarked(), fresh, now, keep).expires_at == now + keep_ms);
    CHECK(snapshot_tag(unmarked(), fresh, now, 1s).expires_at == now + 10'000);
}

TEST_CASE("a mark past its deadline counts as a change") {
    for (auto const kind : {mark_kind::marker, mark_kind::intent}) {
        auto const alive = snapshot_tag(marked(theirs, kind, now + 1), fresh, now, keep);
        CHECK(alive.value.gen == old_gen);
        CHECK(alive.value.marks.size() == 1);
        CHECK(alive.expires_at == 0);
        CHECK(alive.value.keep_until == now + keep_ms);

        auto const past = snapshot_tag(marked(theirs, kind, now), fresh, now, keep);
        CHECK(past.value.gen == fresh);
        CHECK(past.value.marks.empty());
        CHECK(past.expires_at == now + keep_ms);
        CHECK(past.value.keep_until == 0);
    }
}

TEST_CASE("begin sets a mark and takes the expiry away") {
    auto const t = begin_tag(unmarked(), fresh, now, mine, mark_kind::marker, life, 1s);
    CHECK(t.value.gen == old_gen);
    REQUIRE(t.value.marks.size() == 1);
    CHECK(t.value.marks[0].kind == mark_kind::marker);
    CHECK(t.value.marks[0].mutation == mine);
    CHECK(t.value.marks[0].deadline == now + life_ms);
    CHECK(t.expires_at == 0);
    CHECK(t.value.keep_until == now + 10'000);

    auto const made = begin_tag(std::nullopt, fresh, now, mine, mark_kind::intent, life, keep);
    CHECK(made.value.gen == fresh);
    CHECK(made.value.keep_until == now + keep_ms);
}

TEST_CASE("begin again renews the own mark and never weakens it") {
    auto const weaker = begin_tag(
        marked(mine, mark_kind::marker, now + 5), fresh, now, mine, mark_kind::intent, life, keep);
    REQUIRE(weaker.value.marks.size() == 1);
    CHECK(weaker.value.marks[0].kind == mark_kind::marker);
    CHECK(weaker.value.marks[0].deadline == now + life_ms);

    auto const stronger = begin_tag(
        marked(mine, mark_kind::intent, now + 5), fresh, now, mine, mark_kind::marker, life, keep);
    CHECK(stronger.value.marks[0].kind == mark_kind::marker);

    auto const late = begin_tag(
        marked(mine, mark_kind::marker, now), fresh, now, mine, mark_kind::marker, life, keep);
    CHECK(late.value.gen == fresh);  // the old mark was past: a change
    CHECK(late.value.marks.size() == 1);
}

TEST_CASE("two mutations mark one tag side by side") {
    auto const t = begin_tag(marked(theirs, mark_kind::marker, now + 5),
                             fresh,
                             now,
                             mine,
                             mark_kind::marker,
                             life,
                             keep);
    CHECK(t.value.marks.size() == 2);
    CHECK(has_other_marker(t.value, mine));
    CHECK(has_other_marker(t.value, theirs));
    CHECK_FALSE(has_other_marker(marked(theirs, mark_kind::intent, now + 5).value, mine));
}

TEST_CASE("end") {
    auto const before = marked(mine, mark_kind::marker, now + life_ms);
    SUBCASE("bump: a new generation, the mark goes, the expiry comes back") {
        auto const e = end_tag(before, fresh, now, mine, end_action::bump, life, 1s);
        CHECK(e.had_mark);
        CHECK(e.after.value.gen == fresh);
        CHECK(e.after.value.marks.empty());
        CHECK(e.after.expires_at == now + 10'000);
        CHECK(e.after.value.keep_until == 0);
    }
    SUBCASE("clear: the generation stays") {
        auto const e = end_tag(before, fresh, now, mine, end_action::clear, life, keep);
        CHECK(e.had_mark);
        CHECK(e.after.value.gen == old_gen);
        CHECK(e.after.value.marks.empty());
        CHECK(e.after.expires_at == now + keep_ms);
    }
    SUBCASE("bump_keep: a new generation, a marker stays, its deadline is never drawn in") {
        auto const same = end_tag(before, fresh, now, mine, end_action::bump_keep, 1s, keep);
        CHECK(same.after.value.gen == fresh);
        REQUIRE(same.after.value.marks.size() == 1);
        CHECK(same.after.value.marks[0].deadline == now + life_ms);
        auto const later = end_tag(marked(mine, mark_kind::intent, now + 5),
                                   fresh,
                                   now,
                                   mine,
                                   end_action::bump_keep,
                                   life,
                                   keep);
        CHECK(later.after.value.marks[0].kind == mark_kind::marker);
        CHECK(later.after.value.marks[0].deadline == now + life_ms);
        CHECK(later.after.expires_at == 0);
    }
    SUBCASE("the own mark was swept, or the tag evicted: end says so") {
        for (auto const action : {end_action::bump, end_action::clear, end_action::bump_keep}) {
            auto const evicted = end_tag(std::nullopt, fresh, now, mine, action, life, keep);
            CHECK_FALSE(evicted.had_mark);
            CHECK(evicted.after.value.gen == fresh);
            auto const swept =
                end_tag(marked(mine, mark_kind::marker, now), fresh, now, mine, action, life, keep);
            CHECK_FALSE(swept.had_mark);
            CHECK(swept.after.value.gen == fresh);
        }
        auto const kept =
            end_tag(std::nullopt, fresh, now, mine, end_action::bump_keep, life, keep);
        CHECK(kept.after.value.marks.size() == 1);
    }
    SUBCASE("another's mark stays, and the tag without expiry with it") {
        auto both = before;
        both.value.marks.push_back({mark_kind::intent, theirs, now + 7});
        auto const e = end_tag(both, fresh, now, mine, end_action::bump, life, keep);
        REQUIRE(e.after.value.marks.size() == 1);
        CHECK(e.after.value.marks[0].mutation == theirs);
        CHECK(e.after.expires_at == 0);
        CHECK(e.after.value.keep_until == now + keep_ms);
    }
    SUBCASE("twice: the second says that its mark is gone, and bumps again") {
        auto const once = end_tag(before, fresh, now, mine, end_action::bump, life, keep);
        auto const twice = end_tag(once.after, fresher, now, mine, end_action::bump, life, keep);
        CHECK_FALSE(twice.had_mark);
        CHECK(twice.after.value.gen == fresher);
    }
}
