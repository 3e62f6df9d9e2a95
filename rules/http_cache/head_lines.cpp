#include "rules/http_cache/head_lines.hpp"

#include "rules/list_field.hpp"

#include <algorithm>

namespace sidecache::rules::http_cache {

void read_head_lines(std::string_view head, std::vector<field>& out) {
    out.clear();
    auto const end_of_line = [&] {
        auto const end = head.find("\r\n");
        return end == std::string_view::npos ? head.size() : end;
    };
    head.remove_prefix(std::min(end_of_line() + 2, head.size()));
    while (!head.empty()) {
        auto const end = end_of_line();
        auto const line = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        if (auto const colon = line.find(':'); colon != std::string_view::npos) {
            out.push_back({line.substr(0, colon), trimmed(line.substr(colon + 1))});
        }
    }
}

}  // namespace sidecache::rules::http_cache
