#include "proxy/store/members.hpp"

#include <charconv>

namespace sidecache::store {

std::optional<member_record> parse_member(std::string_view text) {
    constexpr std::string_view version = "1 ";
    if (!text.starts_with(version)) {
        return std::nullopt;
    }
    text.remove_prefix(version.size());
    member_record m;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), m.lapse);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc{} || !text.starts_with(' ')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
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
