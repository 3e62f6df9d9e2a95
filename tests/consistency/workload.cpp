#include "tests/consistency/workload.hpp"

#include "tests/support/http_client.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <string>
#include <utility>

namespace sidecache::consistency {

namespace {

/// Longer than any stall, so that a request that a stopped replica took is answered after all.
constexpr std::chrono::seconds patience{10};

ns now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<ns>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// A client that found nobody leaves the core to those who come back.
void step_aside() {
    ::poll(nullptr, 0, 2);
}

std::string text(id n) {
    return std::to_string(n);
}

tests::http_fields user_of(id organization) {
    // One Host for all replicas: two hosts never share an entry.
    return {{"Host", "products.test"},
            {"Authorization", "Bearer token-" + text(organization) + "-1"},
            {"X-Org-Id", text(organization)}};
}

}  // namespace

/// Connections to one replica, which may go and come back on another port.
struct workload::client {
    client(cluster& c, unsigned i) : where(c), replica(i) {}

    /// nullopt: no answer. `refused`: not even a connection, so nothing was sent.
    std::optional<tests::http_response> ask(std::string_view method,
                                            std::string_view target,
                                            tests::http_fields const& fields,
                                            std::string_view body = {}) {
        refused = false;
        auto const port = where.port(replica);
        if (port == 0) {
            refused = true;
            step_aside();
            return std::nullopt;
        }
        if (!connection || at != port) {
            connection.emplace(port, patience);
            at = port;
        }
        if (!connection->connected()) {
            try {
                connection->connect();
            } catch (tests::http_error const&) {
                refused = true;
                step_aside();
                return std::nullopt;
            }
        }
        try {
            auto r = connection->request(method, target, fields, body);
            if (r.closes) {
                connection->close();
            }
            return r;
        } catch (tests::http_error const&) {
            connection->close();
            return std::nullopt;
        }
    }

    cluster& where;
    unsigned replica;
    std::optional<tests::http_client> connection;
    std::uint16_t at = 0;
    bool refused = false;
};

void workload::hot_set::add(product p) {
    std::lock_guard const lock(mutex_);
    products_.push_back(p);
}

void workload::hot_set::remove(id number) {
    std::lock_guard const lock(mutex_);
    std::erase_if(products_, [&](product const& p) { return p.number == number; });
}

workload::product workload::hot_set::pick(std::mt19937_64& chance) const {
    std::lock_guard const lock(mutex_);
    auto const u = std::uniform_real_distribution<double>(0, 1)(chance);
    auto const at = static_cast<std::size_t>(u * u * static_cast<double>(products_.size()));
    return products_[std::min(at, products_.size() - 1)];
}

workload::workload(cluster& c, load what) : cluster_(c), what_(what) {
    // The seeding spreads products over organizations 1, 2, 3; two of them are asked for.
    for (id n = 1; n <= 24; ++n) {
        if (auto const organization = (n - 1) % 3 + 1; organization != 3) {
            hot_.add({n, organization});
        }
    }
    auto seed = what_.seed * 1'000;
    for (unsigned i = 0; i < cluster_.size(); ++i) {
        for (unsigned n = 0; n < what_.readers; ++n) {
            auto& into = *reads_.emplace_back(std::make_unique<std::vector<consistency::read>>());
            threads_.emplace_back([this, i, s = ++seed, &into] { read(i, s, into); });
        }
        for (unsigned n = 0; n < what_.writers; ++n) {
            auto& into = *writes_.emplace_back(std::make_unique<std::vector<consistency::write>>());
            threads_.emplace_back([this, i, s = ++seed, &into] { write(i, s, into); });
        }
    }
}

workload::~workload() {
    over_ = true;
    for (auto& t : threads_) {
        if (t.joinable()) {
            t.join();
        }
    }
}

void workload::read(unsigned replica, std::uint64_t seed, std::vector<consistency::read>& into) {
    std::mt19937_64 chance(seed);
    client me(cluster_, replica);
    while (!over_.load(std::memory_order_relaxed)) {
        auto const p = hot_.pick(chance);
        consistency::read r;
        r.replica = replica;
        std::string target;
        auto const dice = chance() % 100;
        if (dice < 55) {
            r.what = register_kind::product;
            r.of = p.number;
            target = "/products/" + text(r.of);
        } else if (dice < 70) {
            r.what = register_kind::summary;
            r.of = p.number;
            target = "/products/" + text(r.of) + "/summary";
        } else if (dice < 80) {
            r.what = register_kind::page;
            r.of = p.organization;
            target = "/products?limit=100";
        } else if (dice < 90) {
            r.what = register_kind::organization;
            r.of = p.organization;
            target = "/organizations/" + text(r.of) + "/products";
        } else {
            r.what = register_kind::schema;
            r.of = (p.organization - 1) * 3 + static_cast<id>(chance() % 3) + 1;
            target = "/schemas/" + text(r.of) + "/products";
        }
        r.began = now();
        auto const answer = me.ask("GET", target, user_of(p.organization));
        r.ended = now();
        if (!answer) {
            if (!me.refused) {
                into.push_back(r);
            }
            continue;
        }
        r.status = answer->status;
        r.hit = (*answer)["Cache-Status"].find("sidecache; hit") != std::string::npos;
        r.seen = contents_.number_of(r.what, r.status, answer->body);
        into.push_back(r);
        answered_.fetch_add(1, std::memory_order_relaxed);
    }
}

void workload::write(unsigned replica, std::uint64_t seed, std::vector<consistency::write>& into) {
    std::mt19937_64 chance(seed);
    client me(cluster_, replica);
    std::vector<product> own;  // made here and not deleted yet
    std::uint64_t due = 0;
    while (!over_.load(std::memory_order_relaxed)) {
        // Paced by the reads, so that a slow machine sees the same mix as a fast one.
        if (answered_.load(std::memory_order_relaxed) < due) {
            step_aside();
            continue;
        }
        auto const share = std::uint64_t{what_.reads_per_write} * cluster_.size() * what_.writers;
        due = answered_.load(std::memory_order_relaxed) + chance() % (2 * share + 1);

        consistency::write w;
        w.replica = replica;
        std::string method, target, body;
        id organization = 1 + static_cast<id>(chance() % 2);
        std::vector<product> gone;
        auto const dice = chance() % 100;
        auto const schema = (organization - 1) * 3 + static_cast<id>(chance() % 3) + 1;
        if (dice < 12 && own.size() < 6) {
            w.what = consistency::write::kind::creation;
            w.price_cents = next_price_.fetch_add(1);
            method = "POST";
            target = "/products";
            body = R"({"name":"made","sku":"S","schemaId":)" + text(schema) + R"(,"priceCents":)" +
                   text(w.price_cents) + "}";
        } else if (dice < 24 && !own.empty()) {
            w.what = consistency::write::kind::deletion;
            organization = own.front().organization;
            auto const many = chance() % 2 == 0;
            std::string ids;
            for (auto const& p : own) {
                if (p.organization == organization && (gone.empty() || many)) {
                    gone.push_back(p);
                    w.products.push_back(p.number);
                    ids += (ids.empty() ? "" : ",") + text(p.number);
                }
            }
            method = many ? "POST" : "DELETE";
            target = many ? "/products/bulk-delete" : "/products/" + text(gone.front().number);
            body = many ? "{\"ids\":[" + ids + "]}" : "";
        } else {
            auto const p = hot_.pick(chance);
            organization = p.organization;
            w.products = {p.number};
            w.price_cents = next_price_.fetch_add(1);
            method = "PATCH";
            target = "/products/" + text(p.number);
            body = "{\"priceCents\":" + text(w.price_cents);
            if (dice > 85) {
                auto const other = (organization - 1) * 3 + static_cast<id>(chance() % 3) + 1;
                body += ",\"schemaId\":" + text(other);
            }
            body += "}";
        }
        auto fields = user_of(organization);
        if (!body.empty()) {
            fields.emplace_back("Content-Type", "application/json");
        }
        w.began = now();
        auto const answer = me.ask(method, target, fields, body);
        w.ended = now();
        if (!answer && me.refused) {
            continue;  // never sent
        }
        w.status = answer ? answer->status : 0;
        w.refused = answer && answer->status == 503 &&
                    (*answer)["Cache-Status"].find("store_down") != std::string::npos;
        if (!answer || answer->status >= 300) {
            // A mark may have been set until the very end of a stall, and again for the forwarding.
            w.over = w.ended + 2 * std::chrono::nanoseconds(cluster::marker_life).count() +
                     2'000'000'000;
        }
        into.push_back(w);
        written_.fetch_add(1, std::memory_order_relaxed);
        if (answer && answer->status == 201) {
            try {
                product const made{boost::json::parse(answer->body).at("id").as_int64(),
                                   organization};
                own.push_back(made);
                hot_.add(made);
            } catch (std::exception const&) {
                continue;  // the backend spoke of it in a way that nobody understands: a fault
            }
        }
        // Whatever became of a deletion, it is not tried again.
        for (auto const& p : gone) {
            std::erase_if(own, [&](product const& o) { return o.number == p.number; });
            hot_.remove(p.number);
        }
    }
}

history workload::finish() {
    over_ = true;
    for (auto& t : threads_) {
        t.join();
    }
    history h;
    for (auto const& part : reads_) {
        h.reads.insert(h.reads.end(), part->begin(), part->end());
    }
    for (auto const& part : writes_) {
        h.writes.insert(h.writes.end(), part->begin(), part->end());
    }
    h.contents = contents_.take();
    for (auto const& row : cluster_.backend().commits()) {
        h.commits.push_back({row.product,
                             row.version,
                             row.organization,
                             row.schema,
                             row.price_cents,
                             row.began_ns,
                             row.done_ns});
    }
    return h;
}

}  // namespace sidecache::consistency
