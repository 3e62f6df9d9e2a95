#include "proxy/cache/mutation_exchange.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/cache/unmatched_routes.hpp"
#include "proxy/store/entry_codec.hpp"
#include "tests/machines/mutation_bench.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/error.hpp>
#include <zlib.h>

// The shell of mutations: what goes over the wires, and when (protocol.md sections 3 and 5).
using namespace sidecache;
using namespace sidecache::cache;
using namespace sidecache::cache::test;
using telemetry::purge_phase;
using texts = std::vector<std::string>;

TEST_CASE("the client gets no byte before the end is done, the upstream none before the marks") {
    bench b;
    b.upstream.then({.status = 201, .fields = {}, .body = {"created"}, .interims = {103}});
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 7", "{\"a\":1}");
    auto const marks = b.store.hold("begin");
    auto const end = b.store.hold("end");
    b.begin(client);
    CHECK(b.store.calls == texts{"begin [m product:42*]"});
    CHECK(b.upstream.requests.empty());
    marks->open();
    b.run_ready();
    REQUIRE(end->reached);
    CHECK(b.store.calls ==
          texts{"begin [m product:42*]", "told product:42*", "end [b product:42*]"});
    CHECK(b.upstream.requests.size() == 1);
    CHECK(client.status_sent() == 0);
    CHECK(client.interims.empty());
    end->open();
    b.run_ready();
    CHECK(client.complete);
    CHECK(client.head.status == 201);
    CHECK(client.body == "created");
    CHECK(client.field("Cache-Status") == "sidecache; fwd=method; detail=product-changed");
    CHECK(b.report.outcome == "changed");
    CHECK(b.report.purges == "product-changed");
    CHECK_FALSE(b.report.request_id.empty());
    CHECK(b.phase(purge_phase::begin) == 1);
    CHECK(b.phase(purge_phase::end) == 1);
    CHECK(b.current->metrics->upstream_responses[201].value() == 1);
    CHECK(b.pending().none());
}

TEST_CASE("a slow sender must not hold markers") {
    bench b;
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 100");
    client.body_pieces = {"{\"half\":"};
    client.body_error = asio::error::timed_out;  // the other half does not come
    b.mutate_whole(client);
    CHECK(b.store.calls.empty());
    CHECK(b.upstream.requests.empty());
    CHECK(client.head.status == 408);
}

TEST_CASE("the upstream gets the content byte for byte, whatever its coding; variables are read") {
    auto const yaml = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - {name: bulk, on: DELETE /products, vars: {id: "body.ids[*]"}, patterns: ["product:{id}*"]}
)";
    bench b(yaml);
    std::string const json = R"({"ids": [1, 2]})";
    SUBCASE("as it is") {
        fake_downstream client("DELETE /products HTTP/1.1\r\nContent-Length: 15", json);
        b.mutate_whole(client);
        CHECK(b.store.calls[0] == "begin [m product:1*] [m product:2*]");
        CHECK(b.upstream.requests.at(0)->body == json);
    }
    SUBCASE("deflate") {
        std::string packed(compressBound(json.size()), '\0');
        uLongf size = packed.size();
        REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()),
                         &size,
                         reinterpret_cast<Bytef const*>(json.data()),
                         json.size()) == Z_OK);
        packed.resize(size);
        fake_downstream client(
            "DELETE /products HTTP/1.1\r\nContent-Encoding: deflate\r\n"
            "Transfer-Encoding: chunked",
            packed);
        b.mutate_whole(client);
        CHECK(b.store.calls[0] == "begin [m product:1*] [m product:2*]");
        CHECK(b.upstream.requests.at(0)->body == packed);
        CHECK(b.upstream.requests.at(0)->head.content_length == packed.size());
    }
    SUBCASE("not JSON: wide") {
        fake_downstream client("DELETE /products HTTP/1.1\r\nContent-Length: 9", "ids=1&2=3");
        b.mutate_whole(client);
        CHECK(b.store.calls[0] == "begin [m rule:product]");
        CHECK(b.upstream.requests.at(0)->body == "ids=1&2=3");
    }
}

TEST_CASE("content too large to be looked at is streamed, and widens") {
    auto const yaml = R"(
limits: {max_mutation_body: 64KiB}
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - {name: bulk, on: DELETE /products, vars: {id: "body.ids[*]"}, patterns: ["product:{id}*"]}
)";
    bench b(yaml);
    std::string const body(200'000, 'x');
    SUBCASE("of a length known before: nothing is read before the marks") {
        fake_downstream client("DELETE /products HTTP/1.1\r\nContent-Length: 200000", body);
        auto const marks = b.store.hold("begin");
        b.begin(client);
        CHECK(client.body_read <= 32 * 1024);  // one piece waits to be taken, one to be put
        marks->open();
        b.run_ready();
        CHECK(client.head.status == 200);
        CHECK(b.upstream.requests.at(0)->body == body);
        CHECK(b.upstream.requests.at(0)->body_finished);
    }
    SUBCASE("chunked") {
        fake_downstream client("DELETE /products HTTP/1.1\r\nTransfer-Encoding: chunked", body);
        b.mutate_whole(client);
        CHECK(client.head.status == 200);
        CHECK(b.upstream.requests.at(0)->body == body);
    }
    SUBCASE("a client that goes away in the middle: who knows what the upstream makes of it") {
        fake_downstream client("DELETE /products HTTP/1.1\r\nContent-Length: 200000");
        client.body_pieces = {std::string(100'000, 'x')};
        client.body_error = asio::error::connection_reset;
        b.mutate_whole(client);
        CHECK_FALSE(b.upstream.requests.at(0)->body_finished);
        CHECK(b.store.calls.back() == "end [k rule:product]");
        CHECK(client.status_sent() == 0);
    }
    CHECK(b.store.calls[0] == "begin [m rule:product]");
}

TEST_CASE("an upload that waits for its client is told to renew its markers") {
    asio::io_context context{1};
    fake_upstream upstream(context.get_executor());
    handoff rest(context.get_executor());
    http::request_head head = request_from("PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked");
    mutation_exchange::settings how;
    how.timeout = std::chrono::seconds(30);
    how.renew_every = std::chrono::milliseconds(1);
    how.max_held = 1000;
    mutation_exchange exchange(upstream, head, "first ", &rest, how);
    CHECK(run_task(context, exchange.run()) == mutation_exchange::step::renewal_due);
    CHECK(upstream.requests.at(0)->body == "first ");
    CHECK(upstream.requests.at(0)->extended == 1);
    CHECK(run_task(context, rest.put("second")));
    rest.finish(true);
    auto step = mutation_exchange::step::renewal_due;
    while (step == mutation_exchange::step::renewal_due) {
        step = run_task(context, exchange.run());
    }
    CHECK(step == mutation_exchange::step::answered);
    CHECK(upstream.requests.at(0)->body == "first second");
}

TEST_CASE("an unsafe request is never repeated, nor sent through a stale connection") {
    bench b;
    b.upstream.then({.head = upstream::failure::broken});
    fake_downstream client("DELETE /products/42 HTTP/1.1");
    b.mutate_whole(client);
    REQUIRE(b.upstream.requests.size() == 1);
    CHECK(b.upstream.requests[0]->how == upstream::repeat::never);
    CHECK(client.head.status == 502);
    CHECK(b.store.calls.back() == "end [k product:42*]");
    CHECK(b.report.outcome == "unknown");
    CHECK(b.phase(purge_phase::unknown) == 1);
}

TEST_CASE("what the upstream does not say in time is a 504; where nobody listens nothing changed") {
    bench b;
    fake_downstream client("DELETE /products/42 HTTP/1.1");
    SUBCASE("timeout") {
        b.upstream.then({.head = upstream::failure::timeout});
        b.mutate_whole(client);
        CHECK(client.head.status == 504);
        CHECK(b.store.calls.back() == "end [k product:42*]");
    }
    SUBCASE("no connection") {
        b.upstream.then({.send = upstream::failure::connect, .sent = false});
        b.mutate_whole(client);
        CHECK(client.head.status == 502);
        CHECK(b.store.calls.back() == "end [c product:42*]");
        CHECK(b.phase(purge_phase::unchanged) == 1);
    }
    SUBCASE("a response that breaks off") {
        b.upstream.then({.body = {"half"}, .content = upstream::failure::truncated});
        b.mutate_whole(client);
        CHECK(client.head.status == 502);
        CHECK(b.store.calls.back() == "end [k product:42*]");
    }
}

TEST_CASE("a client that goes away cancels neither the upstream request nor the end") {
    bench b;
    b.upstream.close_door();
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.begin(client);
    REQUIRE(b.upstream.requests.size() == 1);
    SUBCASE("its session is cancelled") {
        b.sessions.cancel();
    }
    SUBCASE("the background is, too: a drain that has lost its patience") {
        b.sessions.cancel();
        b.background.cancel();
    }
    SUBCASE("its connection is broken") {
        client.write_error = asio::error::broken_pipe;
    }
    b.run_ready();
    CHECK(b.store.count("end") == 0);
    b.upstream.open_door();
    b.run_ready();
    CHECK(b.store.calls.back() == "end [b product:42*]");
    CHECK(b.background.empty());
}

TEST_CASE("a response too large to hold back is streamed between two bumps") {
    auto const yaml = std::string("limits: {max_mutation_response: 64KiB}\n") + one_purge;
    bench b(yaml);
    auto& reply = b.upstream.then();
    for (int i = 0; i < 10; ++i) {
        reply.body.emplace_back(16'000, static_cast<char>('a' + i));
    }
    std::string whole;
    for (auto const& piece : reply.body) {
        whole += piece;
    }
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    SUBCASE("of a length known before") {}
    SUBCASE("chunked") {
        reply.length_known = false;
    }
    SUBCASE("cut short: broken off towards the client, too") {
        reply.content = upstream::failure::truncated;
        b.mutate_whole(client);
        CHECK_FALSE(client.complete);
        CHECK(b.store.calls.back() == "end [k product:42*]");
        return;
    }
    SUBCASE("the client goes away in the middle: the upstream is read to its end") {
        client.write_error = asio::error::broken_pipe;
        client.fail_after_bytes = 20'000;
        b.mutate_whole(client);
        CHECK(b.store.calls.back() == "end [b product:42*]");
        return;
    }
    b.mutate_whole(client);
    CHECK(client.streamed);
    CHECK(client.complete);
    CHECK(client.body == whole);
    CHECK(client.field("Cache-Status") == "sidecache; fwd=method; detail=product-changed");
    CHECK(b.store.calls == texts{"begin [m product:42*]",
                                 "told product:42*",
                                 "end [k product:42*]",
                                 "end [b product:42*]"});
}

TEST_CASE("what is cached under another rule's key tells the old place of what moves") {
    auto const yaml = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m, partition: none}
  - {name: schema, match: "GET /schemas/{schemaId}/products", key: "schema:{schemaId}:products", ttl: 10m}
purges:
  - name: moved
    on: PUT /products/{id}
    vars: {old: entry.product.schemaId}
    patterns: ["product:{id}*", "schema:{old}:products"]
)";
    bench b(yaml);
    b.store.on_read.otherwise = [&](std::string_view key, rules::tag_list const& tags) {
        store::reading r;
        r.by = b.store.by();
        std::vector<store::generation> generations;
        for (std::size_t i = 0; i < tags.size(); ++i) {
            generations.push_back(scripted_store::generation_of(tags[i]));
            r.tags.push_back({.present = true,
                              .marker = tags[i] == "product:42*",  // our own
                              .gen = generations.back()});
        }
        store::entry_to_store e;
        auto const full_key = std::string(key) + "\nhost=localhost";
        e.full_key = full_key;
        e.server = b.store.identity;
        e.tags = &tags;
        e.generations = generations;
        e.fetched_at = system_now_ms();
        e.ttl_ms = 600'000;
        e.status = 200;
        e.head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        e.body = R"({"id": 42, "schemaId": 5})";
        r.entry = std::make_shared<std::string const>(store::encode_entry(e));
        return result<store::reading>(std::move(r));
    };
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.mutate_whole(client);
    CHECK(client.head.status == 200);
    // The second look goes with the end, and the intent when its client has been answered.
    CHECK(b.store.calls == texts{"begin [m product:42*] [i rule:schema]",
                                 "read product:42 [rule:product path:/products/42 product:42*]",
                                 "begin [m product:42*] [i rule:schema] [m schema:5:products]",
                                 "told product:42* rule:schema schema:5:products",
                                 "read  [rule:product path:/products/42 product:42*]",
                                 "end [b product:42*] [b schema:5:products]",
                                 "end [c rule:schema]"});
}

TEST_CASE("a reload in mid-mutation bumps what the new rules say, too") {
    bench b;
    b.upstream.close_door();
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.begin(client);
    auto const next = configured(R"(
rules:
  - {name: list, match: "GET /products", key: "products", ttl: 10m}
purges:
  - {name: anything, on: "PUT /products/{id}", patterns: ["products"]}
)");
    b.current = std::make_shared<snapshot const>(
        snapshot{next, std::make_shared<telemetry::worker_metrics>(1, 1)});
    b.upstream.open_door();
    b.run_ready();
    CHECK(b.store.calls == texts{"begin [m product:42*]",
                                 "told product:42*",
                                 "end [b product:42*] [b rule:list]",
                                 "told product:42* rule:list"});
    CHECK(client.head.status == 200);
}

TEST_CASE("on_down refuse: 503 with Retry-After, and the upstream is not asked") {
    bench b(std::string("store: {on_down: refuse}\n") + one_purge);
    b.store.on_begin.always_fail(store::store_error::unreachable);
    b.store.on_end.always_fail(store::store_error::unreachable);
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.mutate_whole(client);
    CHECK(client.head.status == 503);
    CHECK_FALSE(client.field("Retry-After").empty());
    CHECK(client.field("Cache-Status") == "sidecache; fwd=method; detail=store_down");
    CHECK(b.upstream.requests.empty());
    CHECK(b.report.outcome == "refused");
    CHECK(b.pending().none());
}

TEST_CASE("a refusal does not wait for content that nobody wants any more") {
    bench b(std::string("store: {on_down: refuse}\nlimits: {max_mutation_body: 64KiB}\n") +
            one_purge);
    b.store.on_begin.always_fail(store::store_error::unreachable);
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 200000",
                           std::string(200'000, 'x'));
    b.mutate_whole(client);
    CHECK(client.head.status == 503);
    CHECK(client.body_read < 200'000);
}

TEST_CASE("on_down forward: answered in time without the store, owed, replayed when it is back") {
    auto model = *configured(one_purge);
    model.near_cache.lease = std::chrono::milliseconds(1);
    model.store.on_down_hold = std::chrono::milliseconds(1);
    bench b(std::make_shared<config::model const>(model));
    b.store.on_begin.always_fail(store::store_error::unreachable);
    b.store.on_end.always_fail(store::store_error::unreachable);
    rules::tag_list product_42;
    product_42.add("product:42*");
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.begin(client);
    CHECK(b.pending().covers(product_42));  // before the upstream has it
    CHECK(b.upstream.requests.empty());
    b.run_until([&] { return b.sessions.empty(); });
    CHECK(client.head.status == 200);
    CHECK(client.field("Cache-Status") == "sidecache; fwd=method; detail=purge_pending");
    CHECK(b.report.outcome == "pending");
    CHECK(b.metrics.purges_pending == 1);
    CHECK(b.pending().covers(product_42));
    CHECK(b.phase(purge_phase::pending) == 1);

    // The store is back.
    b.store.on_begin.otherwise = [&](std::span<store::begin_mark const> marks) {
        store::begun r;
        r.by = b.store.by();
        r.tags.resize(marks.size());
        r.foreign_fingerprint = true;
        r.foreign_rules = {"their-rule"};
        return result<store::begun>(std::move(r));
    };
    b.store.on_end.otherwise = [&](std::span<store::end_mark const> marks) {
        store::ended r;
        r.by = b.store.by();
        r.had_mark.assign(marks.size(), false);
        return result<store::ended>(std::move(r));
    };
    b.store.calls.clear();
    b.run_until([&] { return b.pending().none(); });
    CHECK(b.store.calls == texts{"begin [m product:42*]",
                                 "end [b product:42*] [b rule:product] [b rule:their-rule]",
                                 "told product:42* rule:product rule:their-rule"});
    CHECK(b.metrics.purges_pending == 0);
    CHECK(b.phase(purge_phase::replayed) == 1);
    CHECK_FALSE(b.pending().covers(product_42));
    b.run_ready();
    CHECK(b.background.empty());
}

TEST_CASE("an outage that outlasts the process does not keep it from ending") {
    auto model = *configured(one_purge);
    model.near_cache.lease = std::chrono::milliseconds(1);
    model.store.on_down_hold = std::chrono::milliseconds(1);
    bench b(std::make_shared<config::model const>(model));
    b.store.on_begin.always_fail(store::store_error::unreachable);
    b.store.on_end.always_fail(store::store_error::unreachable);
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.mutate_whole(client);
    CHECK_FALSE(b.background.empty());  // the replay
    b.background.cancel();
    b.run_until([&] { return b.background.empty(); });
    CHECK(b.metrics.purges_pending == 1);
}

TEST_CASE("a store that fails in mid-mutation and comes back within the hold owes nothing") {
    bench b;
    b.store.on_end.then_fail(store::store_error::timeout);
    b.store.on_end.then_fail(store::store_error::unreachable);
    fake_downstream client("PUT /products/42 HTTP/1.1\r\nContent-Length: 2", "{}");
    b.mutate_whole(client);
    CHECK(client.head.status == 200);
    CHECK(b.report.outcome == "changed");
    CHECK(b.store.count("end") == 3);
    CHECK(b.pending().none());
}

TEST_CASE("POST /purge goes the same way: bump, publish, wait, and only then an answer") {
    bench b;
    b.store.on_end.then([&](std::span<store::end_mark const> marks) {
        REQUIRE(marks.size() == 2);
        CHECK(marks[0].exact_key == "");
        CHECK(marks[1].exact_key == "product:7:details");
        store::ended r;
        r.by = b.store.by();
        r.had_mark.assign(2, true);
        r.removed = 3;
        return result<store::ended>(std::move(r));
    });
    texts tags{"product:42*", "product:7:details"};
    auto const report = run_task(b.context, purge_tags(b.parts, tags));
    REQUIRE(report.has_value());
    CHECK(report->tags == 2);
    CHECK(report->keys_removed == 3);
    CHECK(b.store.calls == texts{"begin [m product:42*] [m product:7:details]",
                                 "end [b product:42*] [b product:7:details]",
                                 "told product:42* product:7:details"});
    SUBCASE("its errors are the store's") {
        b.store.on_begin.then_fail(store::store_error::unreachable);
        auto const failed = run_task(b.context, purge_tags(b.parts, tags));
        CHECK(failed.error() == make_error_code(store::store_error::unreachable));
    }
}

TEST_CASE("POST /purge begins again where nobody had looked for a lease who answers") {
    bench b;
    auto const unchecked = [&](std::span<store::begin_mark const>) {
        store::begun r;
        r.by = b.store.by();
        r.by.checked_at -= std::chrono::seconds(1);
        r.tags.resize(1);
        return result<store::begun>(std::move(r));
    };
    b.store.on_begin.then(unchecked);
    texts const tags{"product:42*"};
    SUBCASE("it is the same server") {
        auto const report = run_task(b.context, purge_tags(b.parts, tags));
        CHECK(report.has_value());
        CHECK(b.store.calls == texts{"begin [m product:42*]",
                                     "verify",
                                     "begin [m product:42*]",
                                     "end [b product:42*]",
                                     "told product:42*"});
    }
    SUBCASE("it does not say") {
        b.store.on_verify.always_fail(store::store_error::timeout);
        auto const report = run_task(b.context, purge_tags(b.parts, tags));
        CHECK(report.error() == make_error_code(store::store_error::timeout));
        CHECK(b.store.calls == texts{"begin [m product:42*]", "verify"});
    }
    SUBCASE("a mutation does the same") {
        fake_downstream client("DELETE /products/42 HTTP/1.1");
        b.mutate_whole(client);
        CHECK(client.head.status == 200);
        CHECK(b.store.calls == texts{"begin [m product:42*]",
                                     "verify",
                                     "begin [m product:42*]",
                                     "told product:42*",
                                     "end [b product:42*]"});
    }
}

TEST_CASE("a mutation that matches no purge drops its path, and is counted") {
    bench b;
    fake_downstream client("POST /products/42/images HTTP/1.1\r\nContent-Length: 2", "{}");
    b.mutate_whole(client);
    CHECK(b.store.calls == texts{"begin [m path:/products/42/images]",
                                 "told path:/products/42/images",
                                 "end [b path:/products/42/images]"});
    CHECK(client.field("Cache-Status") == "sidecache; fwd=method");
    CHECK(b.current->metrics->unmatched_mutations.value() == 1);
    CHECK(b.phase(purge_phase::end, 1) == 1);  // purge=""
}

TEST_CASE("unmatched routes are told of once, without ids, and in bounded memory") {
    CHECK(route_of("POST", "/orders/123/items") == "POST /orders/{}/items");
    CHECK(route_of("POST", "/orders/123/items/") == "POST /orders/{}/items/");
    CHECK(route_of("PUT", "/users/3f0c9a1e-aaaa-bbbb-cccc-000000000000") == "PUT /users/{}");
    CHECK(route_of("PATCH", "/blobs/abcdefabcdefabcdefabcdef") == "PATCH /blobs/{}");
    CHECK(route_of("DELETE", "/") == "DELETE /");
    CHECK(route_of("POST", std::string(10'000, '/')).size() < 300);
    unmatched_routes routes(2);
    CHECK(routes.is_new("POST /a"));
    CHECK_FALSE(routes.is_new("POST /a"));
    CHECK(routes.is_new("POST /b"));
    CHECK_FALSE(routes.is_new("POST /c"));
}
