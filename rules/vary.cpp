#include "rules/vary.hpp"

#include "rules/list_field.hpp"
#include "rules/preference.hpp"
#include "rules/storable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sidecache::rules {

namespace {

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

/// What `has_value` and `same_preferences` take for equal hashes equally.
void add_value(variant_hash& to, request const& r, std::string_view name) {
    bool first = true;
    if (is_preference_list(name) && find_field(r.fields, name)) {
        auto listed = to;
        if (add_preferences(listed, r, name)) {
            to = listed;
            return;
        }
    }
    for (auto const& f : r.fields) {
        if (iequals(f.name, name)) {
            to.add(first ? std::string_view() : std::string_view(", "));
            first = false;
            to.add(trimmed(f.value));
        }
    }
    if (first) {
        to.add(absent_field);
    }
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> varied_fields(
    std::span<field const> response, request const& asked) {
    std::vector<std::pair<std::string, std::string>> out;
    bool star = false;
    for (auto const& f : response) {
        if (!iequals(f.name, "Vary")) {
            continue;
        }
        for_each_element(f.value, [&](std::string_view name) {
            star = star || name == "*";
            out.emplace_back(lower(name), value_of(asked, name));
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
        return has_value(asked, each.first, each.second) ||
               (is_preference_list(each.first) && same_preferences(asked, each.first, each.second));
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
        add_value(hash, asked, name);
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
