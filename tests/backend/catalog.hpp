#pragma once

#include "tests/backend/sqlite.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the service knows: organizations, users, schemas and products, on disk. Each change is one
/// transaction, in which the product's `version` goes up by one.
namespace backend {

using id = std::int64_t;

struct user {
    id number = 0;
    id organization = 0;
    std::string name;
};

/// What a client says about a product; PATCH leaves out what stays.
struct product_change {
    std::optional<std::string> name{}, sku{}, description{};
    std::optional<std::int64_t> price_cents{};
    std::optional<id> schema{};
    std::optional<std::vector<std::pair<std::string, std::string>>> fields{};
    std::optional<std::vector<std::string>> images{};
};

struct product {
    id number = 0;
    id organization = 0;
    id schema = 0;
    std::int64_t version = 0;
    std::int64_t price_cents = 0;
    std::string name, sku, description, updated_at;
    // Only of a product read alone:
    std::vector<std::pair<std::string, std::string>> fields{};
    std::vector<std::string> images{};
};

struct product_query {
    std::optional<id> organization{};
    std::optional<id> schema{};
    std::string search{};
    std::string order = "id";  // id, name, price, updated; '-' in front: descending
    std::int64_t page = 1;
    std::int64_t limit = 10;
};

struct product_page {
    std::vector<product> items;
    std::int64_t total = 0;
};

enum class change_result { done, not_found, unknown_schema };

/// One change of one product, as the database took it: what a checker holds every answer against.
/// Times are CLOCK_MONOTONIC nanoseconds, comparable between processes of one machine.
struct commit_record {
    std::int64_t number = 0;  // in the order of the commits
    id product = 0;
    std::int64_t version = 0;  // 0: the product was deleted
    id organization = 0, schema = 0;
    std::int64_t price_cents = 0;
    std::int64_t began_ns = 0;  // inside the transaction: nobody has seen it before
    /// After the commit: everybody sees it from then on; 0: not known (the process was killed).
    std::int64_t done_ns = 0;
};

/// Any thread.
class catalog {
public:
    /// Opens or creates the database file.
    explicit catalog(std::string const& file);

    /// Replaces everything with the same demo data each time: 3 organizations with `users` users
    /// and 3 schemas each, and `products` products, spread evenly. User N of organization O has the
    /// token token-O-N.
    void seed(std::int64_t products, std::int64_t users = 2);

    std::optional<user> user_of_token(std::string_view token);
    bool organization_exists(id organization);
    std::optional<id> organization_of_schema(id schema);

    std::optional<product> find(id number);
    /// nullopt: no such order.
    std::optional<product_page> list(product_query const& q);

    /// nullopt: the schema is not one of the organization's.
    std::optional<product> create(id organization, product_change const& what);
    /// `organization`: whose product it must be; nullopt: anybody's.
    change_result update(id number, std::optional<id> organization, product_change const& what);
    /// Those that were there, in one transaction.
    std::vector<id> remove(std::vector<id> const& numbers, std::optional<id> organization);

    /// At most `limit` records behind `after`, oldest first, the seeding included.
    std::vector<commit_record> commits(std::int64_t after, std::int64_t limit);

private:
    /// The numbers of one transaction's records, from its first to its last.
    struct commit_range {
        std::int64_t first = 0, last = -1;
    };
    void done(commit_range const& range);

    sqlite::pool pool_;
    std::mutex mutex_;
    std::map<std::int64_t, std::int64_t> done_;  // by number; under mutex_
};

}  // namespace backend
