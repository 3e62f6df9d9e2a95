#include "tests/backend/catalog.hpp"

#include <array>
#include <ctime>

namespace backend {
namespace {

char const* const tables = R"sql(
CREATE TABLE IF NOT EXISTS organizations(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    organization_id INTEGER NOT NULL REFERENCES organizations(id));
CREATE TABLE IF NOT EXISTS schemas(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL,
    organization_id INTEGER NOT NULL REFERENCES organizations(id));
CREATE TABLE IF NOT EXISTS products(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations(id),
    schema_id INTEGER NOT NULL REFERENCES schemas(id),
    version INTEGER NOT NULL DEFAULT 1,
    price_cents INTEGER NOT NULL, name TEXT NOT NULL, sku TEXT NOT NULL, description TEXT NOT NULL,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')));
CREATE INDEX IF NOT EXISTS products_by_organization ON products(organization_id);
CREATE INDEX IF NOT EXISTS products_by_schema ON products(schema_id);
CREATE TABLE IF NOT EXISTS product_fields(
    product_id INTEGER NOT NULL REFERENCES products(id) ON DELETE CASCADE,
    name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(product_id, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS product_images(
    product_id INTEGER NOT NULL REFERENCES products(id) ON DELETE CASCADE,
    position INTEGER NOT NULL, url TEXT NOT NULL, PRIMARY KEY(product_id, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits(
    number INTEGER PRIMARY KEY AUTOINCREMENT, product_id INTEGER NOT NULL, version INTEGER NOT NULL,
    organization_id INTEGER NOT NULL, schema_id INTEGER NOT NULL, price_cents INTEGER NOT NULL,
    began_ns INTEGER NOT NULL);
)sql";

constexpr std::string_view product_columns =
    "SELECT id, organization_id, schema_id, version, price_cents, name, sku, description, "
    "updated_at FROM products ";

product read_product(sqlite::statement const& s) {
    product p;
    p.number = s.number(0);
    p.organization = s.number(1);
    p.schema = s.number(2);
    p.version = s.number(3);
    p.price_cents = s.number(4);
    p.name = s.text(5);
    p.sku = s.text(6);
    p.description = s.text(7);
    p.updated_at = s.text(8);
    return p;
}

std::optional<product> read_whole(sqlite::connection& db, id number) {
    auto s = db.prepare(std::string(product_columns) + "WHERE id = ?");
    s.bind(number);
    if (!s.step()) {
        return std::nullopt;
    }
    auto p = read_product(s);
    auto fields =
        db.prepare("SELECT name, value FROM product_fields WHERE product_id = ? ORDER BY name");
    for (fields.bind(number); fields.step();) {
        p.fields.emplace_back(fields.text(0), fields.text(1));
    }
    auto images =
        db.prepare("SELECT url FROM product_images WHERE product_id = ? ORDER BY position");
    for (images.bind(number); images.step();) {
        p.images.push_back(images.text(0));
    }
    return p;
}

std::optional<id> schema_owner(sqlite::connection& db, id schema) {
    auto s = db.prepare("SELECT organization_id FROM schemas WHERE id = ?");
    s.bind(schema);
    return s.step() ? std::optional<id>(s.number(0)) : std::nullopt;
}

void write_details(sqlite::connection& db, id number, product_change const& what) {
    if (what.fields) {
        db.prepare("DELETE FROM product_fields WHERE product_id = ?").bind(number).run();
        for (auto const& [name, value] : *what.fields) {
            db.prepare("INSERT OR REPLACE INTO product_fields VALUES(?, ?, ?)")
                .bind(number)
                .bind(name)
                .bind(value)
                .run();
        }
    }
    if (what.images) {
        db.prepare("DELETE FROM product_images WHERE product_id = ?").bind(number).run();
        std::int64_t position = 0;
        for (auto const& url : *what.images) {
            db.prepare("INSERT INTO product_images VALUES(?, ?, ?)")
                .bind(number)
                .bind(position++)
                .bind(url)
                .run();
        }
    }
}

std::int64_t monotonic_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

/// Notes what has become of a product, inside the transaction that does it. Returns its number.
std::int64_t note_commit(sqlite::connection& db, id product) {
    db.prepare(
          "INSERT INTO commits(product_id, version, organization_id, schema_id, price_cents, "
          "began_ns) SELECT id, version, organization_id, schema_id, price_cents, ? FROM products "
          "WHERE id = ?")
        .bind(monotonic_ns())
        .bind(product)
        .run();
    return db.last_id();
}

std::int64_t note_deletion(sqlite::connection& db, id product) {
    db.prepare("INSERT INTO commits VALUES(NULL, ?, 0, 0, 0, 0, ?)")
        .bind(product)
        .bind(monotonic_ns())
        .run();
    return db.last_id();
}

id insert_product(sqlite::connection& db, id organization, product_change const& what) {
    db.prepare(
          "INSERT INTO products(organization_id, schema_id, price_cents, name, sku, description) "
          "VALUES(?, ?, ?, ?, ?, ?)")
        .bind(organization)
        .bind(what.schema.value_or(0))
        .bind(what.price_cents.value_or(0))
        .bind(what.name.value_or(""))
        .bind(what.sku.value_or(""))
        .bind(what.description.value_or(""))
        .run();
    auto const number = db.last_id();
    write_details(db, number, what);
    return number;
}

std::optional<std::string_view> order_clause(std::string_view order) {
    struct named {
        std::string_view name, sql;
    };
    static constexpr std::array<named, 9> all{{{"", "id"},
                                               {"id", "id"},
                                               {"-id", "id DESC"},
                                               {"name", "name, id"},
                                               {"-name", "name DESC, id"},
                                               {"price", "price_cents, id"},
                                               {"-price", "price_cents DESC, id"},
                                               {"updated", "updated_at, id"},
                                               {"-updated", "updated_at DESC, id"}}};
    for (auto const& [name, sql] : all) {
        if (name == order) {
            return sql;
        }
    }
    return std::nullopt;
}

/// `%`, `_` and the escape itself are data inside LIKE.
std::string like(std::string_view text) {
    std::string out = "%";
    for (char const c : text) {
        if (c == '%' || c == '_' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "%";
}

}  // namespace

catalog::catalog(std::string const& file) : pool_(file) {
    auto db = pool_.take();
    (*db).execute(tables);
}

void catalog::seed(std::int64_t products, std::int64_t users) {
    static constexpr std::array<std::string_view, 6> nouns{
        "kettle", "lamp", "chair", "bicycle", "notebook", "jacket"};
    static constexpr std::array<std::string_view, 5> looks{
        "blue", "small", "folding", "quiet", "sturdy"};
    auto lease = pool_.take();
    auto& db = *lease;
    sqlite::transaction work(db, sqlite::transaction::kind::writing);
    db.execute(
        "DELETE FROM products; DELETE FROM schemas; DELETE FROM users; DELETE FROM organizations; "
        "DELETE FROM commits; DELETE FROM sqlite_sequence;");
    for (id org = 1; org <= 3; ++org) {
        auto const org_text = std::to_string(org);
        db.prepare("INSERT INTO organizations VALUES(?, ?)")
            .bind(org)
            .bind("Organization " + org_text)
            .run();
        for (id n = 1; n <= users; ++n) {
            auto const token = "token-" + org_text + "-" + std::to_string(n);
            db.prepare("INSERT INTO users VALUES(?, ?, ?, ?)")
                .bind((org - 1) * users + n)
                .bind("User " + std::to_string(n) + " of " + org_text)
                .bind(token)
                .bind(org)
                .run();
        }
        for (id n = 1; n <= 3; ++n) {
            db.prepare("INSERT INTO schemas VALUES(?, ?, ?)")
                .bind((org - 1) * 3 + n)
                .bind("Schema " + std::to_string(n))
                .bind(org)
                .run();
        }
    }
    commit_range range{1, 0};
    for (std::int64_t i = 0; i < products; ++i) {
        auto const number = std::to_string(i + 1);
        auto const noun = nouns[static_cast<std::size_t>(i) % nouns.size()];
        auto const look = looks[static_cast<std::size_t>(i) % looks.size()];
        id const org = i % 3 + 1;
        product_change p;
        p.name = std::string(look) + " " + std::string(noun) + " " + number;
        p.sku = "SKU-" + number;
        p.description = "A " + std::string(look) + " " + std::string(noun) +
                        ", made to be used every day and to be repaired when it breaks. It comes "
                        "with a manual, a box that opens without a knife, and spare parts for ten "
                        "years. Ask for product " +
                        number + " at the counter.";
        p.price_cents = 500 + i * 37 % 10'000;
        p.schema = (org - 1) * 3 + i / 3 % 3 + 1;
        p.fields.emplace();
        for (auto const* const name : {"color", "material", "origin", "care", "size", "warranty"}) {
            p.fields->emplace_back(name,
                                   std::string(name) + " of " + std::string(noun) + " " + number);
        }
        p.images.emplace();
        for (auto const* const view : {"front", "back", "left", "right", "detail", "box"}) {
            p.images->push_back("https://images.example.com/products/" + number + "/" + view +
                                "-1600x1200.jpg");
        }
        range.last = note_commit(db, insert_product(db, org, p));
    }
    work.commit();
    done(range);
}

std::optional<user> catalog::user_of_token(std::string_view token) {
    auto db = pool_.take();
    auto s = (*db).prepare("SELECT id, organization_id, name FROM users WHERE token = ?");
    s.bind(token);
    if (!s.step()) {
        return std::nullopt;
    }
    return user{s.number(0), s.number(1), s.text(2)};
}

bool catalog::organization_exists(id organization) {
    auto db = pool_.take();
    auto s = (*db).prepare("SELECT 1 FROM organizations WHERE id = ?");
    return s.bind(organization).step();
}

std::optional<id> catalog::organization_of_schema(id schema) {
    auto db = pool_.take();
    return schema_owner(*db, schema);
}

std::optional<product> catalog::find(id number) {
    auto db = pool_.take();
    sqlite::transaction view(*db, sqlite::transaction::kind::reading);
    auto p = read_whole(*db, number);
    view.commit();
    return p;
}

std::optional<product_page> catalog::list(product_query const& q) {
    auto const order = order_clause(q.order);
    if (!order) {
        return std::nullopt;
    }
    std::string where = "WHERE 1=1";
    where += q.organization ? " AND organization_id = ?" : "";
    where += q.schema ? " AND schema_id = ?" : "";
    where += q.search.empty() ? "" : " AND (name LIKE ? ESCAPE '\\' OR sku LIKE ? ESCAPE '\\')";
    auto const bind = [&](sqlite::statement& s) {
        if (q.organization) {
            s.bind(*q.organization);
        }
        if (q.schema) {
            s.bind(*q.schema);
        }
        if (!q.search.empty()) {
            s.bind(like(q.search)).bind(like(q.search));
        }
    };
    auto lease = pool_.take();
    auto& db = *lease;
    sqlite::transaction view(db, sqlite::transaction::kind::reading);
    product_page page;
    {
        auto count = db.prepare("SELECT count(*) FROM products " + where);
        bind(count);
        count.step();
        page.total = count.number(0);
        auto rows = db.prepare(std::string(product_columns) + where + " ORDER BY " +
                               std::string(*order) + " LIMIT ? OFFSET ?");
        bind(rows);
        for (rows.bind(q.limit).bind((q.page - 1) * q.limit); rows.step();) {
            page.items.push_back(read_product(rows));
        }
    }
    view.commit();
    return page;
}

std::optional<product> catalog::create(id organization, product_change const& what) {
    auto lease = pool_.take();
    auto& db = *lease;
    sqlite::transaction work(db, sqlite::transaction::kind::writing);
    if (schema_owner(db, what.schema.value_or(0)) != organization) {
        return std::nullopt;
    }
    auto const number = insert_product(db, organization, what);
    auto const noted = note_commit(db, number);
    auto p = read_whole(db, number);
    work.commit();
    done({noted, noted});
    return p;
}

change_result catalog::update(id number,
                              std::optional<id> organization,
                              product_change const& what) {
    auto lease = pool_.take();
    auto& db = *lease;
    sqlite::transaction work(db, sqlite::transaction::kind::writing);
    auto const before = read_whole(db, number);
    if (!before || (organization && before->organization != *organization)) {
        return change_result::not_found;
    }
    if (what.schema && schema_owner(db, *what.schema) != before->organization) {
        return change_result::unknown_schema;
    }
    db.prepare(
          "UPDATE products SET version = version + 1, name = ?, sku = ?, description = ?, "
          "price_cents = ?, schema_id = ?, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = "
          "?")
        .bind(what.name.value_or(before->name))
        .bind(what.sku.value_or(before->sku))
        .bind(what.description.value_or(before->description))
        .bind(what.price_cents.value_or(before->price_cents))
        .bind(what.schema.value_or(before->schema))
        .bind(number)
        .run();
    write_details(db, number, what);
    auto const noted = note_commit(db, number);
    work.commit();
    done({noted, noted});
    return change_result::done;
}

std::vector<id> catalog::remove(std::vector<id> const& numbers, std::optional<id> organization) {
    auto lease = pool_.take();
    auto& db = *lease;
    sqlite::transaction work(db, sqlite::transaction::kind::writing);
    std::vector<id> gone;
    commit_range range;
    for (auto const number : numbers) {
        auto s =
            db.prepare(organization ? "DELETE FROM products WHERE id = ? AND organization_id = ?"
                                    : "DELETE FROM products WHERE id = ?");
        s.bind(number);
        if (organization) {
            s.bind(*organization);
        }
        s.run();
        if (db.changes() > 0) {
            gone.push_back(number);
            range.last = note_deletion(db, number);
            range.first = range.first == 0 ? range.last : range.first;
        }
    }
    work.commit();
    done(range);
    return gone;
}

std::vector<commit_record> catalog::commits(std::int64_t after, std::int64_t limit) {
    std::vector<commit_record> out;
    {
        auto lease = pool_.take();
        auto rows = (*lease).prepare(
            "SELECT number, product_id, version, organization_id, schema_id, price_cents, began_ns "
            "FROM commits WHERE number > ? ORDER BY number LIMIT ?");
        for (rows.bind(after).bind(limit); rows.step();) {
            out.push_back({rows.number(0),
                           rows.number(1),
                           rows.number(2),
                           rows.number(3),
                           rows.number(4),
                           rows.number(5),
                           rows.number(6)});
        }
    }
    std::lock_guard const lock(mutex_);
    for (auto& record : out) {
        auto const found = done_.find(record.number);
        record.done_ns = found == done_.end() ? 0 : found->second;
    }
    return out;
}

void catalog::done(commit_range const& range) {
    auto const now = monotonic_ns();
    std::lock_guard const lock(mutex_);
    for (auto n = range.first; n <= range.last; ++n) {
        done_[n] = now;
    }
}

}  // namespace backend
