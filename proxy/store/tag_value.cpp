#include "proxy/store/tag_value.hpp"

#include <algorithm>
#include <charconv>

namespace sidecache::store {

namespace {

constexpr std::size_t id_size = 32;
/// Unix ms stay below 10^15 until the year 33658; Lua's numbers hold them exactly.
constexpr std::size_t max_digits = 15;

/// Reads the value piece by piece; both `parse_tag` and the allocation-free `read_tag` walk it.
class cursor {
public:
    explicit cursor(std::string_view bytes) : rest_(bytes) {}
    bool at_end() const { return rest_.empty(); }
    bool skip(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    bool skip(std::string_view text) {
        if (!rest_.starts_with(text)) {
            return false;
        }
        rest_.remove_prefix(text.size());
        return true;
    }
    bool id(id128& out) {
        auto const parsed = id128::parse(rest_.substr(0, id_size));
        if (!parsed) {
            return false;
        }
        out = *parsed;
        rest_.remove_prefix(id_size);
        return true;
    }
    bool time(unix_ms& out) {
        std::size_t digits = 0;
        unix_ms v = 0;
        while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
            if (++digits > max_digits) {
                return false;
            }
            v = v * 10 + (rest_[digits - 1] - '0');
        }
        out = v;
        rest_.remove_prefix(digits);
        return digits > 0;
    }

private:
    std::string_view rest_;
};

/// Calls `on_mark` for each mark; false: not a tag value.
template <class OnMark>
bool walk(std::string_view bytes, generation& gen, unix_ms& keep_until, OnMark on_mark) {
    cursor at(bytes);
    if (!at.id(gen)) {
        return false;
    }
    if (at.skip(";x") && !at.time(keep_until)) {
        return false;
    }
    while (!at.at_end()) {
        mark m;
        if (at.skip(";m")) {
            m.kind = mark_kind::marker;
        } else if (at.skip(";i")) {
            m.kind = mark_kind::intent;
        } else {
            return false;
        }
        if (!at.id(m.mutation) || !at.skip('@') || !at.time(m.deadline)) {
            return false;
        }
        on_mark(m);
    }
    return true;
}

void append_time(std::string& out, unix_ms t) {
    char text[24];
    auto const end = std::to_chars(text, text + sizeof text, t).ptr;
    out.append(text, end);
}

/// What every script does first: a missing tag is made, marks past their deadline go and count as
/// a change. `keep_until` then holds the expiry that the tag is owed, marked or not.
tag_value settle(std::optional<stored_tag> before,
                 generation fresh,
                 unix_ms now,
                 std::chrono::milliseconds keep) {
    tag_value v;
    unix_ms owed = 0;
    if (before) {
        v = std::move(before->value);
        owed = std::max(v.keep_until, before->expires_at);
    } else {
        v.gen = fresh;
    }
    auto const swept = std::erase_if(v.marks, [now](mark const& m) { return m.deadline <= now; });
    if (swept > 0) {
        v.gen = fresh;
    }
    v.keep_until = std::max(owed, now + keep.count());
    return v;
}

/// The expiry is the tag's own while it has no mark, and noted in its value while it has one.
stored_tag with_expiry(tag_value v) {
    stored_tag s;
    if (v.marks.empty()) {
        s.expires_at = v.keep_until;
        v.keep_until = 0;
    }
    s.value = std::move(v);
    return s;
}

auto own_mark(tag_value& v, mutation_id mutation) {
    return std::find_if(
        v.marks.begin(), v.marks.end(), [&](mark const& m) { return m.mutation == mutation; });
}

}  // namespace

std::optional<tag_value> parse_tag(std::string_view bytes) {
    tag_value v;
    if (!walk(bytes, v.gen, v.keep_until, [&](mark const& m) { v.marks.push_back(m); })) {
        return std::nullopt;
    }
    return v;
}

std::string format_tag(tag_value const& value) {
    std::string out;
    out.reserve(id_size + 18 + value.marks.size() * 50);
    value.gen.hex_to(out);
    if (value.keep_until > 0 && !value.marks.empty()) {
        out += ";x";
        append_time(out, value.keep_until);
    }
    for (auto const& m : value.marks) {
        out += ';';
        out += static_cast<char>(m.kind);
        m.mutation.hex_to(out);
        out += '@';
        append_time(out, m.deadline);
    }
    return out;
}

namespace {

void note(tag_reading& r, mark const& m) {
    if (m.kind == mark_kind::marker) {
        r.marker = true;
        r.markers += r.markers < std::numeric_limits<std::uint8_t>::max() ? 1U : 0U;
    } else {
        r.intent_deadline = std::min(r.intent_deadline, m.deadline);
    }
}

}  // namespace

tag_reading read_tag(std::string_view bytes) {
    tag_reading r;
    if (bytes.size() == id_size) {  // no mark on it: nearly every one
        auto const gen = id128::parse(bytes);
        if (gen) {
            r.present = true;
            r.gen = *gen;
        }
        return r;
    }
    unix_ms keep_until = 0;
    if (!walk(bytes, r.gen, keep_until, [&](mark const& m) { note(r, m); })) {
        return {};
    }
    r.present = true;
    return r;
}

tag_reading read_tag(tag_value const& value) {
    tag_reading r;
    r.present = true;
    r.gen = value.gen;
    for (auto const& m : value.marks) {
        note(r, m);
    }
    return r;
}

bool has_other_marker(tag_value const& value, mutation_id own) {
    return std::any_of(value.marks.begin(), value.marks.end(), [&](mark const& m) {
        return m.kind == mark_kind::marker && m.mutation != own;
    });
}

stored_tag snapshot_tag(std::optional<stored_tag> before,
                        generation fresh,
                        unix_ms now,
                        std::chrono::milliseconds keep) {
    return with_expiry(settle(std::move(before), fresh, now, keep));
}

stored_tag begin_tag(std::optional<stored_tag> before,
                     generation fresh,
                     unix_ms now,
                     mutation_id mutation,
                     mark_kind kind,
                     std::chrono::milliseconds life,
                     std::chrono::milliseconds keep) {
    auto v = settle(std::move(before), fresh, now, keep);
    auto const deadline = now + life.count();
    if (auto const own = own_mark(v, mutation); own != v.marks.end()) {
        if (kind == mark_kind::marker) {
            own->kind = kind;
        }
        own->deadline = std::max(own->deadline, deadline);
    } else {
        v.marks.push_back({kind, mutation, deadline});
    }
    return with_expiry(std::move(v));
}

ended_tag end_tag(std::optional<stored_tag> before,
                  generation fresh,
                  unix_ms now,
                  mutation_id mutation,
                  end_action action,
                  std::chrono::milliseconds life,
                  std::chrono::milliseconds keep) {
    auto v = settle(std::move(before), fresh, now, keep);
    auto const own = own_mark(v, mutation);
    ended_tag e;
    e.had_mark = own != v.marks.end();
    if (action != end_action::clear) {
        v.gen = fresh;
    }
    if (action == end_action::bump_keep) {
        auto const deadline = now + life.count();
        if (e.had_mark) {
            own->kind = mark_kind::marker;
            own->deadline = std::max(own->deadline, deadline);
        } else {
            v.marks.push_back({mark_kind::marker, mutation, deadline});
        }
    } else if (e.had_mark) {
        v.marks.erase(own);
    }
    e.after = with_expiry(std::move(v));
    return e;
}

}  // namespace sidecache::store
