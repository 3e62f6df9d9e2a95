#include "tests/e2e/wire.hpp"

#include <doctest/doctest.h>

namespace sidecache::tests {

namespace {

std::string yaml(std::uint16_t upstream, wire::options const& o) {
    return "listen: 127.0.0.1:0\n"
           "admin: {listen: 127.0.0.1:0}\n"
           "workers: " +
           std::to_string(o.workers) +
           "\n"
           "upstream: {url: \"http://127.0.0.1:" +
           std::to_string(upstream) + "\"" + o.upstream +
           "}\n"
           "store: {url: \"memory://\"}\n"
           "log: {access: {enabled: false}}\n"
           "rules:\n"
           "  - {name: c, match: \"GET /c/{id}\", key: \"c:{id}\", ttl: 1h, partition: none" +
           o.rule +
           "}\n"
           "purges:\n"
           "  - {name: w, on: \"PATCH /c/{id}\", patterns: [\"c:{id}*\"]" +
           o.purge + "}\n" + o.more;
}

std::string target_of(way how, int id) {
    return (how == way::pass ? "/p/" : "/c/") + std::to_string(id);
}

launch how_to_launch(wire::options const& o) {
    launch how;
    if (!o.program.empty()) {
        how.program = o.program;
    }
    return how;
}

}  // namespace

wire::wire(options const& o) : proxy(yaml(backend.port(), o), how_to_launch(o)) {}

upstream_connection wire::asked(std::string_view first_line) {
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CAPTURE(head);
    CHECK(head.starts_with(std::string(first_line) + " HTTP/1.1\r\n"));
    return upstream;
}

void wire::fills_anew(std::string const& target) {
    http_client client(proxy.port());
    client.send("GET", target);
    auto upstream = asked("GET " + target);
    upstream.send(good_answer);
    auto const fresh = client.receive();
    CHECK(fresh.status == 200);
    CHECK(fresh.body == "good");
    CHECK(holds(fresh["Cache-Status"], "fwd=miss; stored"));
    auto const hit = proxy.get(target);
    CHECK(hit.body == "good");
    CHECK(holds(hit["Cache-Status"], "; hit;"));
}

std::string_view name(way w) {
    switch (w) {
        case way::fill:
            return "fill";
        case way::joined:
            return "joined fill";
        case way::pass:
            return "pass-through";
        case way::head:
            return "HEAD";
        case way::mutation:
            return "mutation";
    }
    return "";
}

request_under_way::request_under_way(wire& stage, way how, int id)
    : stage_(stage), how_(how), target_(target_of(how, id)), client_(stage.proxy.port()) {
    std::string const method = how == way::head ? "HEAD" : how == way::mutation ? "PATCH" : "GET";
    if (how == way::joined) {
        joined_.emplace(stage.proxy.port());
        joined_->connect();
    }
    client_.send(method, target_, {}, how == way::mutation ? "{}" : "");
    upstream_.emplace(stage.backend.accept());
    auto const head = upstream_->read_head();
    CHECK(head.starts_with(method + " " + target_ + " HTTP/1.1\r\n"));
    if (how == way::mutation) {
        CHECK(upstream_->read(2) == "{}");
    }
    if (joined_) {
        joined_->send("GET", target_);
        stage.settle();
        CHECK_FALSE(stage.backend.connecting(std::chrono::milliseconds(0)));
    }
}

std::optional<http_response> request_under_way::answer() {
    try {
        return client_.receive();
    } catch (http_error const&) {
        return std::nullopt;
    }
}

void request_under_way::leaves_nothing_behind() {
    if (joined_) {
        auto again = stage_.asked("GET " + target_);
        again.send(good_answer);
        auto const answer = joined_->receive();
        CHECK(answer.status == 200);
        CHECK(answer.body == "good");
    }
    http_client next(stage_.proxy.port());
    switch (how_) {
        case way::joined:
            // The second fetch was a fill of its own, and is not shared: nothing is stored twice.
            break;
        case way::fill:
        case way::head:
            stage_.fills_anew(target_);
            break;
        case way::pass: {
            next.send("GET", target_);
            auto upstream = stage_.asked("GET " + target_);
            upstream.send(good_answer);
            CHECK(next.receive().body == "good");
            break;
        }
        case way::mutation: {
            // Nobody knows what it has done: its mark stays, and nothing is stored meanwhile.
            next.send("GET", target_);
            auto upstream = stage_.asked("GET " + target_);
            upstream.send(good_answer);
            auto const read = next.receive();
            CHECK(read.body == "good");
            CHECK(holds(read["Cache-Status"], "fwd=miss"));
            CHECK(holds(read["Cache-Status"], "detail=marked"));
            break;
        }
    }
}

}  // namespace sidecache::tests
