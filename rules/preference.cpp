#include "rules/preference.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

constexpr std::string_view space = " \t";

/// tchar (RFC 9110 section 5.6.2).
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               marks.find(c) != std::string_view::npos;
    });
}

/// qvalue (RFC 9110 section 12.4.2) in thousandths: 0, 1, and up to three digits behind the point.
std::optional<std::uint16_t> read_weight(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
        (text.size() > 1 && text[1] != '.')) {
        return std::nullopt;
    }
    unsigned weight = static_cast<unsigned>(text[0] - '0') * 1000;
    unsigned place = 100;
    for (auto const c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        weight += static_cast<unsigned>(c - '0') * place;
        place /= 10;
    }
    if (weight > 1000) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(weight);
}

}  // namespace

bool is_preference_list(std::string_view field_name) {
    return iequals(field_name, "Accept-Encoding") || iequals(field_name, "Accept-Language");
}

std::optional<preference> read_preference(std::string_view element) {
    auto const semicolon = element.find(';');
    preference out;
    out.name = trimmed(element.substr(0, semicolon));
    if (!is_token(out.name)) {
        return std::nullopt;
    }
    if (semicolon == std::string_view::npos) {
        return out;
    }
    auto rest = trimmed(element.substr(semicolon + 1));
    if (rest.size() < 3 || (rest[0] != 'q' && rest[0] != 'Q') || rest[1] != '=') {
        return std::nullopt;
    }
    auto const weight = read_weight(rest.substr(2));
    if (!weight) {
        return std::nullopt;
    }
    out.weight = *weight;
    return out;
}

bool preference_reader::next_line() {
    while (!fields_.empty()) {
        auto const& f = fields_.front();
        fields_ = fields_.subspan(1);
        if (iequals(f.name, name_)) {
            line_ = f.value;
            return true;
        }
    }
    return false;
}

preference_reader::step preference_reader::next(preference& out) {
    for (;;) {
        auto const begin = line_.find_first_not_of(" \t,");
        if (begin != std::string_view::npos) {
            line_.remove_prefix(begin);
            break;
        }
        line_ = {};
        if (!next_line()) {
            return step::end;
        }
    }
    auto const end = line_.find(',');
    auto const element = line_.substr(0, end);
    line_.remove_prefix(end == std::string_view::npos ? line_.size() : end);
    auto const read = read_preference(element.substr(0, element.find_last_not_of(space) + 1));
    if (!read) {
        return step::other_form;  // quoted commas end up here, too
    }
    out = *read;
    return step::element;
}

}  // namespace sidecache::rules
