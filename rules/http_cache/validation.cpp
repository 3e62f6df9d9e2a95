#include "rules/http_cache/validation.hpp"

#include "rules/list_field.hpp"

#include <algorithm>
#include <array>

namespace sidecache::rules::http_cache {

namespace {

bool is_named_in(std::span<field const> fields, std::string_view name) {
    return std::any_of(
        fields.begin(), fields.end(), [&](field const& f) { return iequals(f.name, name); });
}

std::string_view value_of(std::span<field const> fields, std::string_view name) {
    return trimmed(find_field(fields, name).value_or(std::string_view()));
}

void append_hex(std::string& out, std::uint64_t n) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) {
        out += digits[(n >> static_cast<unsigned>(shift)) & 0xFU];
    }
}

}  // namespace

std::string own_entity_tag(std::uint64_t high, std::uint64_t low) {
    std::string out(own_tag_begin);
    append_hex(out, high);
    append_hex(out, low);
    out += '"';
    return out;
}

validators validators_of(std::span<field const> response) {
    validators out;
    auto const etag = value_of(response, "ETag");
    if (!etag.starts_with(own_tag_begin)) {
        out.etag = etag;
        auto const tag = read_entity_tag(etag);
        out.is_strong = tag && !tag->weak;
    }
    out.last_modified = value_of(response, "Last-Modified");
    return out;
}

bool may_validate(validators const& v, bool purged) {
    return purged ? v.is_strong : v.any();
}

std::vector<field> condition_of(validators const& v, bool purged) {
    std::vector<field> out;
    if (!v.etag.empty()) {
        out.push_back({"If-None-Match", v.etag});
    }
    if (!v.last_modified.empty() && !purged) {
        out.push_back({"If-Modified-Since", v.last_modified});
    }
    return out;
}

bool is_about(std::span<field const> not_modified, validators const& stored) {
    auto const theirs = validators_of(not_modified);
    if (!theirs.etag.empty() && !stored.etag.empty()) {
        auto const a = read_entity_tag(theirs.etag);
        auto const b = read_entity_tag(stored.etag);
        if (!a || !b) {
            return theirs.etag == stored.etag;
        }
        return a->weak || b->weak ? weakly_equal(*a, *b) : strongly_equal(*a, *b);
    }
    if (stored.etag.empty() && !theirs.last_modified.empty()) {
        return theirs.last_modified == stored.last_modified;
    }
    return true;
}

bool is_updated(std::string_view name) {
    // Of the content as it is stored, or of one message only.
    constexpr std::array<std::string_view, 6> stays{"Content-Encoding",
                                                    "Content-Length",
                                                    "Content-Range",
                                                    "Content-Type",
                                                    "Transfer-Encoding",
                                                    "Age"};
    return std::none_of(
        stays.begin(), stays.end(), [&](auto const each) { return iequals(each, name); });
}

std::vector<field> updated_fields(std::span<field const> stored, std::span<field const> newer) {
    std::vector<field> out;
    out.reserve(stored.size() + newer.size());
    for (auto const& f : stored) {
        if (!is_updated(f.name) || !is_named_in(newer, f.name)) {
            out.push_back(f);
        }
    }
    for (auto const& f : newer) {
        if (is_updated(f.name)) {
            out.push_back(f);
        }
    }
    return out;
}

bool head_differs(std::span<field const> stored,
                  std::uint64_t stored_length,
                  std::span<field const> head,
                  std::optional<std::uint64_t> head_length) {
    auto const a = validators_of(stored);
    auto const b = validators_of(head);
    auto const differ = [](std::string_view x, std::string_view y) {
        return !x.empty() && !y.empty() && x != y;
    };
    return differ(a.etag, b.etag) || differ(a.last_modified, b.last_modified) ||
           (head_length && *head_length != stored_length);
}

}  // namespace sidecache::rules::http_cache
