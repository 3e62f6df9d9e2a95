#include "rules/json_path.hpp"

#include <algorithm>
#include <charconv>

namespace sidecache::rules {

std::variant<json_path, template_error> json_path::parse(std::string_view text) {
    auto const error = [&](std::string what) {
        return template_error{std::move(what),
                              "write it as in `schemaId`, `product.schema.id`, `ids[*]` or "
                              "`items[0].id`"};
    };
    json_path out;
    std::size_t at = 0;
    while (at < text.size()) {
        if (out.steps.size() == max_json_depth) {
            return error("the path is deeper than 32 steps");
        }
        step s;
        if (text[at] == '[') {
            auto const close = text.find(']', at);
            if (close == std::string_view::npos) {
                return error("'[' without ']'");
            }
            auto const inside = text.substr(at + 1, close - at - 1);
            if (inside == "*") {
                s.what = step::kind::each;
            } else {
                s.what = step::kind::element;
                auto const [end, ec] =
                    std::from_chars(inside.data(), inside.data() + inside.size(), s.index);
                if (inside.empty() || ec != std::errc() || end != inside.data() + inside.size()) {
                    return error("'[" + std::string(inside) + "]' is neither an index nor '[*]'");
                }
            }
            at = close + 1;
        } else if (text[at] == '.') {
            auto const end = std::min(text.find_first_of(".[", at + 1), text.size());
            s.name = text.substr(at + 1, end - at - 1);
            if (s.name.empty()) {
                return error("a name is missing after '.'");
            }
            at = end;
        } else {
            return error("'" + std::string(text.substr(at)) + "' is not understood");
        }
        out.steps.push_back(std::move(s));
    }
    if (out.steps.empty()) {
        return error("the path is empty");
    }
    return out;
}

bool json_path::fans_out() const {
    return std::any_of(
        steps.begin(), steps.end(), [](step const& s) { return s.what == step::kind::each; });
}

}  // namespace sidecache::rules
