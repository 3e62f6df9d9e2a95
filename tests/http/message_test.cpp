#include "proxy/http/message.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace sidecache::http;

TEST_CASE("field lines keep their order and their spelling") {
    field_list list;
    list.add("B", "1");
    list.add("a", "2");
    list.add("b", "3");
    CHECK(list.find("b") == "1");
    CHECK(list.joined("B") == "1, 3");
    CHECK(list.count("b") == 2);
    CHECK_FALSE(list.find("c"));
    CHECK_FALSE(list.joined("c"));
    std::string out;
    list.write_to(out);
    CHECK(out == "B: 1\r\na: 2\r\nb: 3\r\n");
    CHECK(list.erase("b") == 2);
    CHECK(list.all().size() == 1);
    list.set("A", "4");
    CHECK(list.find("a") == "4");
    CHECK(list.all().size() == 1);
}

TEST_CASE("a copied or moved list looks at its own text") {
    field_list first;
    first.add("Name", "value");
    CHECK(first.all()[0].value == "value");  // its views are made
    SUBCASE("copied") {
        field_list second = first;
        first.clear();
        first.add("Other", "bytes");
        CHECK(second.all()[0].name == "Name");
        CHECK(second.all()[0].value == "value");
    }
    SUBCASE("moved") {
        field_list second = std::move(first);
        CHECK(second.all()[0].value == "value");
    }
    SUBCASE("assigned") {
        field_list second;
        second.add("X", "y");
        CHECK(second.all().size() == 1);
        second = first;
        CHECK(second.all()[0].value == "value");
    }
}

TEST_CASE("a cleared head says nothing of the one before") {
    request_head head;
    head.method = "POST";
    head.fields.add("X", "1");
    head.body = framing::chunked;
    head.upgrade = true;
    head.clear();
    CHECK(head.method == "");
    CHECK(head.fields.all().empty());
    CHECK(head.body == framing::none);
    CHECK_FALSE(head.upgrade);
}
