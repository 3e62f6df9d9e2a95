#include "proxy/store/members.hpp"

#include <charconv>

namespace sidecache::store {

namespace {

/// A lease of more than a day is no lease.
constexpr std::int64_t longest_lease = 86'400'000;

/// Takes the text up to the next space, and the space; nullopt: there is none.
std::optional<std::string_view> take_word(std::string_view& text) {
    auto const space = text.find(' ');
    if (space == std::string_view::npos) {
        return std::nullopt;
    }
    auto const word = text.substr(0, space);
    text.remove_prefix(space + 1);
    return word;
}

template <class Number>
bool take_number(std::string_view& text, Number& out) {
    auto const word = take_word(text);
    if (!word || word->empty() || word->front() == '-') {
        return false;
    }
    auto const [end, error] = std::from_chars(word->data(), word->data() + word->size(), out);
    return error == std::errc{} && end == word->data() + word->size();
}

}  // namespace

std::optional<member_record> parse_member(std::string_view text) {
    member_record m;
    std::int64_t lease = 0;
    auto const version = take_word(text);
    if (version != "2" || !take_number(text, m.lapse) || !take_number(text, m.count)) {
        return std::nullopt;
    }
    auto const join = id128::parse(take_word(text).value_or(""));
    if (!join || !take_number(text, lease) || lease > longest_lease) {
        return std::nullopt;
    }
    auto const near = take_word(text);
    if (near != "0" && near != "1") {
        return std::nullopt;
    }
    m.join = *join;
    m.lease = std::chrono::milliseconds(lease);
    m.near = near == "1";
    auto const line = text.find('\n');
    m.fingerprint = text.substr(0, line);
    while (text.find('\n') != std::string_view::npos) {
        text.remove_prefix(text.find('\n') + 1);
        m.rule_names.push_back(text.substr(0, text.find('\n')));
    }
    return m;
}

std::string member_rest(std::string_view fingerprint, std::vector<std::string> const& rule_names) {
    std::string out(fingerprint);
    for (auto const& name : rule_names) {
        out += '\n';
        out += name;
    }
    return out;
}

}  // namespace sidecache::store
