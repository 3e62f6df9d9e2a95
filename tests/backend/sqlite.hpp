#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

/// The little of SQLite that the backend needs. Errors are thrown: on disk they are a 500.
namespace backend::sqlite {

struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A prepared statement; parameters are bound in the order of the calls.
class statement {
public:
    statement(sqlite3* db, std::string_view sql);

    statement& bind(std::int64_t v);
    statement& bind(std::string_view v);

    /// True while there is another row.
    bool step();
    /// Runs a statement that has no rows to show.
    void run();

    std::int64_t number(int column) const;
    std::string text(int column) const;

private:
    struct finalize {
        void operator()(sqlite3_stmt* s) const;
    };
    sqlite3* db_;
    std::unique_ptr<sqlite3_stmt, finalize> stmt_;
    int bound_ = 0;
};

/// One connection; one thread at a time.
class connection {
public:
    explicit connection(std::string const& file);
    ~connection();
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;

    statement prepare(std::string_view sql) { return {db_, sql}; }
    void execute(std::string const& sql);
    std::int64_t last_id() const;
    std::int64_t changes() const;

private:
    sqlite3* db_ = nullptr;
};

/// One view of the data; rolls back unless committed. A writing one takes the write lock at once,
/// so that what is read inside is what is changed.
class transaction {
public:
    enum class kind { reading, writing };
    transaction(connection& db, kind what);
    ~transaction();
    transaction(transaction const&) = delete;
    transaction& operator=(transaction const&) = delete;
    void commit();

private:
    connection& db_;
    bool open_ = true;
};

/// Lends each request a connection of its own: readers run beside each other and beside a writer
/// (WAL). Any thread.
class pool {
public:
    explicit pool(std::string file) : file_(std::move(file)) {}

    class lease {
    public:
        lease(pool& p, std::unique_ptr<connection> c) : pool_(p), connection_(std::move(c)) {}
        ~lease();
        lease(lease const&) = delete;
        lease& operator=(lease const&) = delete;
        connection& operator*() { return *connection_; }

    private:
        pool& pool_;
        std::unique_ptr<connection> connection_;
    };
    lease take();

private:
    std::string file_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<connection>> idle_;
};

}  // namespace backend::sqlite
