#include "tests/backend/message.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <strings.h>

#include <algorithm>
#include <charconv>

namespace backend {
namespace {

template <class Pairs>
std::optional<std::string_view> find(Pairs const& pairs, std::string_view name, auto const& same) {
    auto const at = std::find_if(
        pairs.begin(), pairs.end(), [&](auto const& p) { return same(p.first, name); });
    return at == pairs.end() ? std::nullopt : std::optional<std::string_view>(at->second);
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            unsigned value = 0;
            auto const hex = text.substr(i + 1, 2);
            auto const* const stop = hex.data() + hex.size();
            auto const [end, ec] = std::from_chars(hex.data(), stop, value, 16);
            if (hex.size() != 2 || ec != std::errc{} || end != stop) {
                return std::nullopt;
            }
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

/// Calls `each` for the parts of `text` between `separator`; false as soon as one fails.
bool split(std::string_view text, char separator, auto const& each) {
    for (;;) {
        auto const end = text.find(separator);
        if (!each(text.substr(0, end))) {
            return false;
        }
        if (end == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
}

}  // namespace

std::optional<std::string_view> request::field(std::string_view name) const {
    return find(fields, name, [](std::string_view a, std::string_view b) {
        return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
    });
}

std::optional<std::string_view> request::parameter(std::string_view name) const {
    return find(query, name, std::equal_to<std::string_view>());
}

response problem(int status, std::string_view text) {
    boost::json::object o;
    o["error"] = text;
    return {.status = status, .body = boost::json::serialize(o)};
}

std::optional<std::int64_t> parse_id(std::string_view text) {
    std::int64_t n = 0;
    auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size() || n < 1) {
        return std::nullopt;
    }
    return n;
}

bool parse_target(request& r) {
    std::string_view const target = r.target;
    auto const mark = target.find('?');
    r.path = target.substr(0, mark);
    if (!r.path.starts_with('/')) {
        return false;
    }
    bool const path_ok = split(std::string_view(r.path).substr(1), '/', [&](std::string_view s) {
        auto value = decode(s, false);
        if (value) {
            r.segments.push_back(std::move(*value));
        }
        return value.has_value();
    });
    if (!path_ok || mark == std::string_view::npos) {
        return path_ok;
    }
    return split(target.substr(mark + 1), '&', [&](std::string_view pair) {
        auto const equals = pair.find('=');
        auto name = decode(pair.substr(0, equals), true);
        auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                      : decode(pair.substr(equals + 1), true);
        if (name && value && !pair.empty()) {
            r.query.emplace_back(std::move(*name), std::move(*value));
        }
        return name && value;
    });
}

}  // namespace backend
