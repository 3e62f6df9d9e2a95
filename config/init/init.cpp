#include "config/init/init.hpp"

#include "config/load.hpp"

namespace sidecache::config::init {

std::optional<made> make(std::string_view openapi,
                         reading const& how,
                         surroundings const& around,
                         report& out) {
    auto const api = read_openapi(openapi, how, out);
    if (!api || out.errors() != 0) {
        return std::nullopt;
    }
    if (api->operations.empty()) {
        out.error(
            {},
            how.only.empty() ? "there is no route in `paths`" : "no path begins as --only says",
            how.only.empty() ? ""
                             : "paths count with their base path: " +
                                   (api->base_path.empty() ? "/" : api->base_path));
        return std::nullopt;
    }
    auto const what = propose(*api);
    made result{
        write(*api, what, around), 0, what.purges.size(), what.reads.size() + what.writes.size()};
    auto const nothing = [](std::string_view) { return std::optional<std::string>(); };
    auto const loaded = load_text(result.yaml, "what was made", nothing);
    if (!loaded.config) {
        for (auto const& f : loaded.findings) {
            if (f.level == rules::severity::error) {
                out.error({}, "a mistake of `sidecache init` itself: " + f.print(), "");
            }
        }
        return std::nullopt;
    }
    result.rules = loaded.config->rules->rules().size();
    result.left_out += what.rules.size() - result.rules;
    return result;
}

}  // namespace sidecache::config::init
