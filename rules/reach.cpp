// Which rules' entries may carry a tag that is known by its text alone.
#include "rules/compiled.hpp"
#include "rules/http_cache/groups.hpp"
#include "rules/path_form.hpp"
#include "rules/unify.hpp"

namespace sidecache::rules {

bool reaches(rule const& r, compiled_rule const& c, std::string_view tag) {
    constexpr std::string_view path_prefix = "path:";
    if (tag == c.tag) {
        return true;
    }
    if (tag.starts_with(path_prefix)) {
        path_captures captures;
        return c.path.matches_leniently(path_segments(tag.substr(path_prefix.size())), captures);
    }
    if (http_cache::is_group_tag(tag)) {
        return r.definition.origin;  // which entries, only responses tell
    }
    auto const parsed = pattern::parse_rendered(tag);
    auto const* p = std::get_if<pattern>(&parsed);
    return p != nullptr && !r.definition.key.value.empty() && unify(*p, c.key).what != reach::none;
}

std::vector<std::string> rule_set::bounded_rules_under(std::string_view tag) const {
    std::vector<std::string> out;
    for (auto const& r : compiled_->rules) {
        auto const& c = compiled_->compiled_rules[r.index];
        if (r.definition.max_keys > 0 && reaches(r, c, tag)) {
            out.push_back(c.tag);
        }
    }
    return out;
}

}  // namespace sidecache::rules
