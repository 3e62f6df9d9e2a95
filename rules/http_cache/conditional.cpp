#include "rules/http_cache/conditional.hpp"

#include "rules/http_cache/date.hpp"
#include "rules/list_field.hpp"

#include <algorithm>
#include <array>

namespace sidecache::rules::http_cache {

namespace {

bool is_in_opaque(char c) {
    auto const u = static_cast<unsigned char>(c);
    return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

bool has_match(request const& asked, std::optional<entity_tag> const& stored) {
    bool found = false;
    for (auto const& f : asked.fields) {
        if (!iequals(f.name, "If-None-Match")) {
            continue;
        }
        for_each_element(f.value, [&](std::string_view element) {
            auto const tag = read_entity_tag(element);
            found = found || element == "*" || (tag && stored && weakly_equal(*tag, *stored));
        });
    }
    return found;
}

}  // namespace

std::optional<entity_tag> read_entity_tag(std::string_view text) {
    entity_tag out;
    text = trimmed(text);
    if (text.starts_with("W/")) {
        out.weak = true;
        text.remove_prefix(2);
    }
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
        return std::nullopt;
    }
    auto const inside = text.substr(1, text.size() - 2);
    if (!std::all_of(inside.begin(), inside.end(), is_in_opaque)) {
        return std::nullopt;
    }
    out.opaque = text;
    return out;
}

bool strongly_equal(entity_tag const& a, entity_tag const& b) {
    return !a.weak && !b.weak && a.opaque == b.opaque;
}

bool weakly_equal(entity_tag const& a, entity_tag const& b) {
    return a.opaque == b.opaque;
}

precondition evaluate(request const& asked,
                      unsigned status,
                      std::span<field const> response,
                      unix_milliseconds now) {
    if (status < 200 || status > 299) {
        return precondition::none;
    }
    if (find_field(asked.fields, "If-None-Match")) {
        auto const text = find_field(response, "ETag");
        auto const stored = text ? read_entity_tag(*text) : std::nullopt;
        return has_match(asked, stored) ? precondition::not_modified : precondition::modified;
    }
    auto const since_text = find_field(asked.fields, "If-Modified-Since");
    if (!since_text) {
        return precondition::none;
    }
    auto const since = read_date(trimmed(*since_text), now / 1000);
    auto const text = find_field(response, "Last-Modified");
    auto const stored = text ? text : find_field(response, "Date");
    auto const modified = stored ? read_date(trimmed(*stored), now / 1000) : std::nullopt;
    if (!since || !modified) {
        return precondition::none;
    }
    return *modified <= *since ? precondition::not_modified : precondition::modified;
}

bool is_for_origin(request const& asked) {
    return std::any_of(asked.fields.begin(), asked.fields.end(), [](field const& f) {
        return iequals(f.name, "If-Match") || iequals(f.name, "If-Unmodified-Since");
    });
}

bool belongs_into_304(std::string_view name, bool has_etag) {
    constexpr std::array<std::string_view, 12> those{"Cache-Control",
                                                     "CDN-Cache-Control",
                                                     "Sidecache-Cache-Control",
                                                     "Content-Location",
                                                     "Date",
                                                     "ETag",
                                                     "Expires",
                                                     "Vary",
                                                     "Set-Cookie",
                                                     "Via",
                                                     "Access-Control-Allow-Origin",
                                                     "Access-Control-Expose-Headers"};
    return std::any_of(
               those.begin(), those.end(), [&](auto const each) { return iequals(each, name); }) ||
           (!has_etag && iequals(name, "Last-Modified"));
}

}  // namespace sidecache::rules::http_cache
