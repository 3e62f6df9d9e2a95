#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// What a run was: every request with the moments it began and ended, and what the backend
/// committed. All times are CLOCK_MONOTONIC nanoseconds of one machine.
namespace sidecache::consistency {

using id = std::int64_t;
using ns = std::int64_t;

/// What a read looks at.
enum class register_kind : std::uint8_t {
    product,       ///< GET /products/{id}
    summary,       ///< GET /products/{id}/summary
    page,          ///< GET /products?limit=100: every product of the caller's organization
    organization,  ///< GET /organizations/{orgId}/products
    schema,        ///< GET /schemas/{schemaId}/products
};

/// A product as an answer shows it.
struct shown {
    id product = 0;
    std::int64_t version = 0;
    id organization = 0, schema = 0;
    std::int64_t price_cents = 0;
    bool operator==(shown const&) const = default;
};

/// The content of an answer; kept once, however often it was served.
struct content {
    /// False: the body is not what such an answer looks like.
    bool understood = true;
    /// A page may leave products out: then only what it shows counts.
    bool complete = true;
    std::vector<shown> products;  // one of a product, none of a 404
};

struct read {
    register_kind what = register_kind::product;
    id of = 0;  // a product's, an organization's or a schema's id
    unsigned replica = 0;
    int status = 0;
    bool hit = false;
    ns began = 0, ended = 0;
    std::size_t seen = 0;  // index into `history::contents`
};

/// One request of a writer. What it did is told by `commits` through its price (each write has one
/// of its own) or, for a deletion, through the product's end.
struct write {
    enum class kind : std::uint8_t { change, creation, deletion };
    kind what = kind::change;
    std::vector<id> products;  // none of a creation
    std::int64_t price_cents = 0;
    unsigned replica = 0;
    /// 0: no answer at all: the connection broke, or the client's patience was over.
    int status = 0;
    /// The proxy says that it has not forwarded it (503 under `on_down: refuse`, a full queue).
    bool refused = false;
    ns began = 0, ended = 0;
    /// No answer: the latest moment at which a mark of it can still stand.
    ns over = std::numeric_limits<ns>::max();
};

/// The backend's own word (its side door's GET /commits), in the order of the commits.
struct commit {
    id product = 0;
    std::int64_t version = 0;  // 0: deleted
    id organization = 0, schema = 0;
    std::int64_t price_cents = 0;
    ns began = 0;
    ns done = 0;  // 0: not known
};

struct history {
    std::vector<read> reads;
    std::vector<write> writes;
    std::vector<commit> commits;
    std::vector<content> contents;
};

}  // namespace sidecache::consistency
