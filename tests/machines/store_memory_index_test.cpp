// The keys that memory:// notes of a tag: a few in a row, many by key and by expiry, and no
// difference to whoever asks.
#include "proxy/store/memory_index.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using sidecache::store::memory_index;

namespace {

std::string key(int i) {
    return "key:" + std::to_string(i);
}

memory_index index_of(int count) {
    memory_index index;
    for (int i = 0; i < count; ++i) {
        index.note(key(i), 1'000 + i);
    }
    return index;
}

}  // namespace

TEST_CASE("an index holds each key once, until it is taken out") {
    for (int const count : {1, 8, 9, 100}) {
        CAPTURE(count);
        auto index = index_of(count);
        index.note(key(0), 5'000);  // again, for longer
        CHECK(index.size() == static_cast<std::size_t>(count));
        CHECK(index.contains(key(count - 1)));
        CHECK_FALSE(index.contains(key(count)));
        CHECK_FALSE(index.erase(key(count)));
        std::set<std::string> taken;
        while (index.size() > 0) {
            taken.insert(index.take());
        }
        CHECK(taken.size() == static_cast<std::size_t>(count));
        CHECK(index.weight() == 0);
    }
}

TEST_CASE("what is past its expiry goes, so many at a time as are asked for") {
    for (int const count : {8, 100}) {
        CAPTURE(count);
        auto index = index_of(count);
        index.drop_past(1'004, 2);
        CHECK(index.size() == static_cast<std::size_t>(count - 2));
        CHECK_FALSE(index.contains(key(0)));
        CHECK_FALSE(index.contains(key(1)));
        index.drop_past(1'004, 100);
        CHECK(index.size() == static_cast<std::size_t>(count - 5));
        CHECK(index.contains(key(5)));
    }
}

TEST_CASE("an index weighs nothing when it is empty, however it became so") {
    for (int const count : {3, 30}) {
        CAPTURE(count);
        auto index = index_of(count);
        CHECK(index.weight() > static_cast<std::size_t>(count) * key(0).size());
        index.drop_past(10'000, 1'000);
        CHECK(index.weight() == 0);
        index.note(key(1), 1);
        CHECK(index.erase(key(1)));
        CHECK(index.weight() == 0);
    }
}
