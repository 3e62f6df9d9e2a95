// What memory:// keeps by key: found, bounded by use and by expiry, each item in one piece of
// memory.
#include "proxy/store/expiring_lru.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

using namespace sidecache::store;

namespace {

std::string key(int i) {
    return "key:" + std::to_string(i);
}

struct number {
    int value = 0;
};

}  // namespace

TEST_CASE("a table finds what it was given, and only that, through every growth") {
    text_table<number> table;
    std::map<std::string, int> model;
    std::mt19937 random(20261123);
    for (int step = 0; step < 20'000; ++step) {
        auto const name = key(static_cast<int>(random() % 3'000));
        if (random() % 3 == 0) {
            auto* const there = table.find(name);
            CHECK((there != nullptr) == (model.erase(name) == 1));
            if (there != nullptr) {
                table.erase(*there);
            }
        } else {
            auto const [item, is_new] = table.find_or_make(name);
            CHECK(item.key() == name);
            CHECK(is_new == !model.contains(name));
            item.value = model[name] = step;
        }
    }
    CHECK(table.size() == model.size());
    for (int i = 0; i < 3'000; ++i) {
        auto const* const there = table.find(key(i));
        REQUIRE((there != nullptr) == model.contains(key(i)));
        CHECK((there == nullptr || there->value == model[key(i)]));
    }
}

TEST_CASE("an item stays where it is while its table grows") {
    text_table<number> table;
    auto& first = table.find_or_make("").first;  // a key may be empty
    for (int i = 0; i < 1'000; ++i) {
        table.find_or_make(key(i));
    }
    CHECK(table.find("") == &first);
    CHECK(first.key().empty());
}

TEST_CASE("what was used least recently goes first") {
    expiring_lru<int> lru;
    for (int i = 0; i < 3; ++i) {
        lru.assign(key(i), i, 0, 100);
    }
    lru.touch(*lru.find(key(0), 1));
    lru.assign(key(1), 10, 0, 100);
    auto const anything = [](int) { return true; };
    CHECK(lru.evict(anything, 1));
    CHECK(lru.find(key(2), 1) == nullptr);
    CHECK_FALSE(lru.evict([](int value) { return value == 10; }, 1));  // 0 comes first
    CHECK(lru.evict([](int value) { return value == 10; }, 2));
    CHECK(lru.size() == 1);
    CHECK(lru.erase(key(0)));
    CHECK_FALSE(lru.erase(key(0)));
    CHECK(lru.weight() == 0);
}

TEST_CASE("what is past its expiry is not found, and is dropped in turn") {
    expiring_lru<int> lru;
    lru.assign(key(0), 0, 100, 0);
    lru.assign(key(1), 1, 200, 0);
    lru.assign(key(2), 2, 0, 0);  // never
    CHECK(lru.find(key(0), 99) != nullptr);
    CHECK(lru.find(key(0), 100) == nullptr);
    CHECK(lru.size() == 2);
    lru.drop_past(1'000, 5);
    CHECK(lru.size() == 1);
    CHECK(lru.find(key(2), 1'000'000) != nullptr);
}
