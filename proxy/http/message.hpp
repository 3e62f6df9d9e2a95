#pragma once

#include "rules/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Heads of HTTP messages as values, without Beast.
namespace sidecache::http {

/// The field lines of a message in order, names as received, in one buffer and there as they are
/// written: what lies side by side is written at once. Reusable: `clear` keeps the capacity. Values
/// must hold no CR, LF or NUL (asserted: a parser checked them).
class field_list {
public:
    /// Where a parser found a field in a block of lines.
    struct found {
        std::uint32_t name, name_size, value, value_size;
    };

    field_list() = default;
    // The views point into this object's own text, so they never travel with a copy.
    field_list(field_list const& other) : text_(other.text_), slices_(other.slices_) {}
    field_list(field_list&& other) noexcept;
    field_list& operator=(field_list const& other);
    field_list& operator=(field_list&& other) noexcept;
    ~field_list() = default;

    void clear();
    void add(std::string_view name, std::string_view value);
    /// Adds what was found in `block`, in order; the block is copied at once. REQUIRES: each line
    /// ends in CR LF there, and its name is followed by a colon.
    void add_lines(std::string_view block, std::span<found const> lines);
    /// Removes every field of that name (case-insensitive); returns how many.
    std::size_t erase(std::string_view name);
    /// Removes every field whose name is one of these, however many there are of both.
    void erase_all(std::vector<std::string> names);
    /// Removes every field of whose name `goes` says so.
    template <class Predicate>
    void erase_if(Predicate goes) {
        std::string_view const text = text_;
        auto const gone =
            std::erase_if(slices_, [&](slice const& s) { return goes(s.name_in(text)); });
        if (gone != 0) {
            views_valid_ = false;
        }
    }
    /// Calls `each(name, value)` for every field line, in order.
    template <class Each>
    void for_each(Each each) const {
        std::string_view const text = text_;
        for (auto const& s : slices_) {
            each(s.name_in(text), s.value_in(text));
        }
    }
    /// Room for that many fields more, and for the characters of their names and values.
    void reserve(std::size_t fields, std::size_t characters) {
        slices_.reserve(slices_.size() + fields);
        text_.reserve(text_.size() + characters + fields * slice::beside);
    }
    std::size_t size() const { return slices_.size(); }
    /// Characters of all lines, of removed ones too.
    std::size_t characters() const { return text_.size(); }
    /// Erases, then adds.
    void set(std::string_view name, std::string_view value);
    std::optional<std::string_view> find(std::string_view name) const;
    /// All field lines of that name joined by ", " (RFC 9110 section 5.3); nullopt if none.
    std::optional<std::string> joined(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    /// Views, valid until the next change.
    std::span<rules::field const> all() const;
    /// Appends "Name: value\r\n" for each field.
    void write_to(std::string& out) const;
    /// Calls `each(name, value, line)` for every field, `line` being "Name: value\r\n". Lines that
    /// lie side by side do so in one buffer: `line.data() + line.size()` is where the next begins.
    template <class Each>
    void for_each_line(Each each) const {
        std::string_view const text = text_;
        for (auto const& s : slices_) {
            each(s.name_in(text), s.value_in(text), text.substr(s.line, s.size()));
        }
    }

    /// Calls `each(lines)` for every stretch of lines that lie side by side.
    template <class Each>
    void for_each_run(Each each) const {
        std::string_view const text = text_;
        std::size_t from = 0;
        std::size_t to = 0;
        for (auto const& s : slices_) {
            if (s.line != to) {
                each(text.substr(from, to - from));
                from = s.line;
            }
            to = s.line + s.size();
        }
        each(text.substr(from, to - from));
    }

private:
    /// "Name: value\r\n" in the text.
    struct slice {
        std::uint32_t line, name_size, value_size;

        static constexpr std::uint32_t beside = 4;  // ": " and the line's end
        std::uint32_t size() const { return name_size + value_size + beside; }
        std::string_view name_in(std::string_view text) const {
            return {text.data() + line, name_size};
        }
        std::string_view value_in(std::string_view text) const {
            return {text.data() + line + name_size + 2, value_size};
        }
    };
    std::string text_;
    std::vector<slice> slices_;
    mutable std::vector<rules::field> views_;
    mutable bool views_valid_ = false;
};

enum class framing : std::uint8_t {
    none,     ///< no content
    length,   ///< Content-Length
    chunked,  ///< Transfer-Encoding: chunked
    close,    ///< until the connection closes (responses only)
};

/// A request head that passed `http/framing`: one unambiguous length, one Host, origin-form.
/// `fields` hold everything but Content-Length and Transfer-Encoding, which are `body` and
/// `content_length`: whoever sends a head writes its framing from those.
struct request_head {
    std::string method;
    std::string target;
    std::string host;
    unsigned version = 11;  // 10 or 11
    field_list fields;
    framing body = framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    bool expects_continue = false;
    /// Upgrade is asked for (`Connection: upgrade` names it): tunnelled, never cached.
    bool upgrade = false;

    bool has_content() const {
        return body == framing::chunked || (body == framing::length && content_length != 0);
    }
    /// What rules look at; valid until this head changes.
    rules::request view() const;
    /// Empties it and keeps the storage.
    void clear();
};

/// As with requests, `fields` hold no Content-Length and no Transfer-Encoding. The answer to a HEAD
/// and a 304 may have `body == length`: that is the length their content would have had.
struct response_head {
    unsigned status = 0;
    std::string reason;
    unsigned version = 11;
    field_list fields;
    framing body = framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    /// Content-Length above 0, or Transfer-Encoding: also where the status says that there is none.
    bool announces_content = false;

    /// Empties it and keeps the storage.
    void clear();
};

}  // namespace sidecache::http
