#include "tests/backend/sqlite.hpp"

#include <sqlite3.h>

namespace backend::sqlite {
namespace {

[[noreturn]] void fail(sqlite3* db, std::string_view what) {
    throw error(std::string(what) + ": " + ::sqlite3_errmsg(db));
}

}  // namespace

statement::statement(sqlite3* db, std::string_view sql) : db_(db) {
    sqlite3_stmt* raw = nullptr;
    if (::sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &raw, nullptr) !=
        SQLITE_OK) {
        fail(db, sql);
    }
    stmt_.reset(raw);
}

void statement::finalize::operator()(sqlite3_stmt* s) const {
    ::sqlite3_finalize(s);
}

statement& statement::bind(std::int64_t v) {
    if (::sqlite3_bind_int64(stmt_.get(), ++bound_, v) != SQLITE_OK) {
        fail(db_, "bind");
    }
    return *this;
}

statement& statement::bind(std::string_view v) {
    auto const size = static_cast<int>(v.size());
    // A null pointer would bind NULL, and an empty view may hold one.
    auto const* const data = v.data() == nullptr ? "" : v.data();
    if (::sqlite3_bind_text(stmt_.get(), ++bound_, data, size, SQLITE_TRANSIENT) != SQLITE_OK) {
        fail(db_, "bind");
    }
    return *this;
}

bool statement::step() {
    switch (::sqlite3_step(stmt_.get())) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            fail(db_, "step");
    }
}

void statement::run() {
    while (step()) {
    }
}

std::int64_t statement::number(int column) const {
    return ::sqlite3_column_int64(stmt_.get(), column);
}

std::string statement::text(int column) const {
    auto const* const data = ::sqlite3_column_text(stmt_.get(), column);
    auto const size = static_cast<std::size_t>(::sqlite3_column_bytes(stmt_.get(), column));
    return data == nullptr ? std::string() : std::string(reinterpret_cast<char const*>(data), size);
}

connection::connection(std::string const& file) {
    int const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (::sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
        std::string const why = ::sqlite3_errmsg(db_);
        ::sqlite3_close(db_);
        throw error("cannot open " + file + ": " + why);
    }
    ::sqlite3_busy_timeout(db_, 20'000);
    // The write-ahead log is on disk before a commit returns only with synchronous=FULL; a demo may
    // lose the last commits of a power cut, never of a crash of its own.
    execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;");
}

connection::~connection() {
    ::sqlite3_close(db_);
}

void connection::execute(std::string const& sql) {
    if (::sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        fail(db_, sql);
    }
}

std::int64_t connection::last_id() const {
    return ::sqlite3_last_insert_rowid(db_);
}
std::int64_t connection::changes() const {
    return ::sqlite3_changes64(db_);
}

transaction::transaction(connection& db, kind what) : db_(db) {
    db_.execute(what == kind::writing ? "BEGIN IMMEDIATE" : "BEGIN");
}

transaction::~transaction() {
    if (open_) {
        try {
            db_.execute("ROLLBACK");
        } catch (error const&) {
            // SQLite has rolled back by itself already (disk full, I/O error).
            open_ = false;
        }
    }
}

void transaction::commit() {
    db_.execute("COMMIT");
    open_ = false;
}

pool::lease pool::take() {
    {
        std::lock_guard const lock(mutex_);
        if (!idle_.empty()) {
            auto c = std::move(idle_.back());
            idle_.pop_back();
            return {*this, std::move(c)};
        }
    }
    return {*this, std::make_unique<connection>(file_)};
}

pool::lease::~lease() {
    std::lock_guard const lock(pool_.mutex_);
    pool_.idle_.push_back(std::move(connection_));
}

}  // namespace backend::sqlite
