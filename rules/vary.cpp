#include "rules/vary.hpp"

#include "rules/list_field.hpp"
#include "rules/preference.hpp"
#include "rules/storable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sidecache::rules {

namespace {

constexpr std::string_view accept_language = "accept-language";

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

std::string value_of(request const& r, std::string_view name) {
    std::string out(absent_field);
    bool first = true;
    for (auto const& f : r.fields) {
        if (iequals(f.name, name)) {
            if (first) {
                out.clear();
            } else {
                out += ", ";
            }
            first = false;
            out += trimmed(f.value);
        }
    }
    return out;
}

/// Takes `prefix` from the front of `text`; false when it is not there.
bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

/// `value_of(r, name) == stored`, without building it.
bool has_value(request const& r, std::string_view name, std::string_view stored) {
    bool first = true;
    auto rest = stored;
    for (auto const& f : r.fields) {
        if (!iequals(f.name, name)) {
            continue;
        }
        if ((!first && !take(rest, ", ")) || !take(rest, trimmed(f.value))) {
            return false;
        }
        first = false;
    }
    return first ? stored == absent_field : rest.empty();
}

/// Whether two preference lists are the same wish but for spelling: letter case, spaces, empty
/// elements, `q=1` that is said or left out. Their order stays: a backend may break a tie by it.
bool same_preferences(request const& r, std::string_view name, std::string_view stored) {
    if (stored == absent_field || !find_field(r.fields, name)) {
        return false;
    }
    using step = preference_reader::step;
    preference_reader ours(r.fields, name);
    preference_reader theirs(stored);
    for (;;) {
        preference a;
        preference b;
        auto const at = ours.next(a);
        if (at != theirs.next(b) || at == step::other_form) {
            return false;
        }
        if (at == step::end) {
            return true;
        }
        if (a.weight != b.weight || !iequals(a.name, b.name)) {
            return false;
        }
    }
}

/// The characters of a list field as they are compared: without the spaces and tabs around its
/// commas (RFC 9111 section 4.1), lines joined by commas. Quoted strings stay as they are.
class list_reader {
public:
    explicit list_reader(std::string_view line) : line_(line) {}
    list_reader(std::span<field const> fields, std::string_view name)
        : fields_(fields), name_(name) {
        next_line();
    }

    /// '\0', which no field value holds: the end.
    char next() {
        if (at_ == line_.size()) {
            return next_line() ? (last_ = ',') : '\0';
        }
        if (!quoted_ && at_ >= kept_until_ && is_space(line_[at_])) {
            auto const end = std::min(line_.find_first_not_of(" \t", at_), line_.size());
            if (last_ == ',' || end == line_.size() || line_[end] == ',') {
                at_ = end;
                return next();
            }
            kept_until_ = end;
        }
        last_ = line_[at_++];
        if (last_ == '"' && !escaped_) {
            quoted_ = !quoted_;
        }
        escaped_ = quoted_ && last_ == '\\' && !escaped_;
        return last_;
    }

private:
    static bool is_space(char c) { return c == ' ' || c == '\t'; }
    bool next_line() {
        while (!fields_.empty()) {
            auto const& f = fields_.front();
            fields_ = fields_.subspan(1);
            if (iequals(f.name, name_)) {
                line_ = trimmed(f.value);
                at_ = 0;
                kept_until_ = 0;
                return true;
            }
        }
        return false;
    }

    std::string_view line_;
    std::span<field const> fields_;
    std::string_view name_;
    std::size_t at_ = 0;
    std::size_t kept_until_ = 0;  // spaces inside an element: kept
    char last_ = ',';
    bool quoted_ = false;
    bool escaped_ = false;
};

/// `has_value`, but for spaces around commas.
bool has_list(request const& r, std::string_view name, std::string_view stored) {
    if (stored == absent_field || !find_field(r.fields, name)) {
        return false;
    }
    list_reader ours(r.fields, name);
    list_reader theirs(stored);
    for (;;) {
        auto const c = ours.next();
        if (c != theirs.next()) {
            return false;
        }
        if (c == '\0') {
            return true;
        }
    }
}

/// Longer lists are compared in their order only.
constexpr std::size_t most_unordered = 32;

/// The elements of a list of preferences; false: it has another form, or too many.
bool read_all(preference_reader from, std::vector<preference>& out) {
    for (;;) {
        preference p;
        switch (from.next(p)) {
            case preference_reader::step::end:
                return true;
            case preference_reader::step::other_form:
                return false;
            case preference_reader::step::element:
                if (out.size() == most_unordered) {
                    return false;
                }
                out.push_back(p);
                break;
        }
    }
}

/// The language that a list prefers to all others; empty: several, any, or none.
std::string_view preferred(std::span<preference const> list) {
    auto const less = [](auto const& a, auto const& b) { return a.weight < b.weight; };
    auto const most = std::max_element(list.begin(), list.end(), less);
    if (most == list.end() || most->weight == 0 || most->name == "*") {
        return {};
    }
    auto const as_much = [&](auto const& p) { return p.weight == most->weight; };
    return std::count_if(list.begin(), list.end(), as_much) == 1 ? most->name : std::string_view();
}

/// A kept value of Accept-Language that says how it is compared.
struct kept_preference {
    std::string_view language;  ///< Content-Language; empty: none
    std::string_view list;
};
std::optional<kept_preference> read_kept(std::string_view stored) {
    if (!stored.starts_with(by_preference)) {
        return std::nullopt;
    }
    stored.remove_prefix(by_preference.size());
    auto const end = stored.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return kept_preference{stored.substr(0, end), stored.substr(end + 1)};
}

/// The same wishes in any order, or above all one for the language that the response is in.
bool is_selected_by(request const& r, kept_preference const& kept) {
    std::vector<preference> ours;
    std::vector<preference> theirs;
    if (!find_field(r.fields, accept_language) ||
        !read_all(preference_reader(r.fields, accept_language), ours) ||
        !read_all(preference_reader(kept.list), theirs)) {
        return false;
    }
    if (!kept.language.empty() && iequals(preferred(ours), kept.language)) {
        return true;
    }
    auto const same = [](auto const& a, auto const& b) {
        return a.weight == b.weight && iequals(a.name, b.name);
    };
    return std::is_permutation(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same);
}

/// FNV-1a, and at the end a step that spreads it, so that its remainder is of use, too.
class variant_hash {
public:
    void add(char c) { state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL; }
    void add(std::string_view text) {
        for (auto const c : text) {
            add(c);
        }
    }
    std::uint64_t value() const {
        auto h = state_;
        h = (h ^ (h >> 33U)) * 0xff51afd7ed558ccdULL;
        h = (h ^ (h >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
        return h ^ (h >> 33U);
    }

private:
    std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

/// Adds a list's elements; false, and nothing of use added, when one has another form.
bool add_preferences(variant_hash& to, request const& r, std::string_view name) {
    preference_reader reader(r.fields, name);
    for (;;) {
        preference p;
        switch (reader.next(p)) {
            case preference_reader::step::end:
                return true;
            case preference_reader::step::other_form:
                return false;
            case preference_reader::step::element:
                for (auto const c : p.name) {
                    to.add(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
                }
                to.add(';');
                to.add(static_cast<char>(p.weight >> 8U));
                to.add(static_cast<char>(p.weight & 0xffU));
                break;
        }
    }
}

/// Adds the elements in no order; false as above, or too many.
bool add_unordered(variant_hash& to, request const& r, std::string_view name) {
    std::vector<preference> list;
    if (!read_all(preference_reader(r.fields, name), list)) {
        return false;
    }
    std::uint64_t sum = 0;
    for (auto const& p : list) {
        variant_hash one;
        one.add(lower(p.name));
        one.add(';');
        one.add(static_cast<char>(p.weight >> 8U));
        one.add(static_cast<char>(p.weight & 0xffU));
        sum += one.value();
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        to.add(static_cast<char>((sum >> shift) & 0xffU));
    }
    return true;
}

/// What `vary_matches` takes for equal hashes equally.
void add_value(variant_hash& to, request const& r, std::string_view name, std::string_view stored) {
    if (stored.starts_with(by_preference) && find_field(r.fields, name) &&
        add_unordered(to, r, name)) {
        return;
    }
    if (is_preference_list(name) && find_field(r.fields, name)) {
        auto listed = to;
        if (add_preferences(listed, r, name)) {
            to = listed;
            return;
        }
    }
    if (!find_field(r.fields, name)) {
        to.add(absent_field);
        return;
    }
    list_reader list(r.fields, name);
    for (auto c = list.next(); c != '\0'; c = list.next()) {
        to.add(c);
    }
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> varied_fields(
    std::span<field const> response, request const& asked, bool languages_by_preference) {
    std::vector<std::pair<std::string, std::string>> out;
    bool star = false;
    for (auto const& f : response) {
        if (!iequals(f.name, "Vary")) {
            continue;
        }
        for_each_element(f.value, [&](std::string_view name) {
            // What is no name may stand for any (`*`, or names inside quotes).
            star = star || name.find_first_of("*\" \t;=") != std::string_view::npos;
            auto value = value_of(asked, name);
            if (languages_by_preference && iequals(name, accept_language) &&
                value != absent_field) {
                std::string how(by_preference);
                how += lower(trimmed(find_field(response, "Content-Language").value_or("")));
                value.insert(0, how + '\n');
            }
            out.emplace_back(lower(name), std::move(value));
        });
    }
    if (star) {
        return std::nullopt;
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bool vary_matches(std::span<std::pair<std::string_view, std::string_view> const> stored,
                  request const& asked) {
    return std::all_of(stored.begin(), stored.end(), [&](auto const& each) {
        auto const& [name, value] = each;
        if (has_value(asked, name, value)) {
            return true;
        }
        if (auto const kept = read_kept(value)) {
            return has_value(asked, name, kept->list) || is_selected_by(asked, *kept);
        }
        return has_list(asked, name, value) ||
               (is_preference_list(name) && same_preferences(asked, name, value));
    });
}

bool take_variant(decision& wanted,
                  std::span<std::pair<std::string_view, std::string_view> const> stored,
                  request const& asked) {
    if (wanted.variant != 0) {
        return false;
    }
    variant_hash hash;
    for (auto const& [name, value] : stored) {
        hash.add(name);
        hash.add('\n');
        add_value(hash, asked, name, value);
        hash.add('\n');
    }
    auto const h = hash.value();
    wanted.variant = 1 + static_cast<unsigned>(h % variant_slots);
    std::array<char, 10> slot{'|', 'v', 'a', 'r', 'i', 'a', 'n', 't', '=', '0'};
    static_assert(variant_slots < 10);
    slot.back() = static_cast<char>('0' + wanted.variant);
    std::string_view const suffix(slot.data(), slot.size());
    wanted.key += suffix;
    if (!wanted.lock_key.empty()) {
        wanted.lock_key += suffix;
    }
    wanted.full_key += "\nvariant=";
    constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned shift = 64; shift > 0; shift -= 4) {
        wanted.full_key += digits[(h >> (shift - 4)) & 15U];
    }
    return true;
}

}  // namespace sidecache::rules
