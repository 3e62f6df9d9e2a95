#include "rules/request.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

std::optional<std::string_view> query_of(std::string_view target) {
    auto const mark = target.find('?');
    if (mark == std::string_view::npos) {
        return std::nullopt;
    }
    return target.substr(mark + 1);
}

bool iequals(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return lower(x) == lower(y);
           });
}

std::optional<std::string_view> find_field(std::span<field const> fields, std::string_view name) {
    for (auto const& f : fields) {
        if (iequals(f.name, name)) {
            return f.value;
        }
    }
    return std::nullopt;
}

}  // namespace sidecache::rules
