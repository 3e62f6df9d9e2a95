#include "config/load.hpp"

#include "config/check.hpp"
#include "config/events_reader.hpp"
#include "config/file_text.hpp"
#include "config/identity_check.hpp"
#include "config/report.hpp"
#include "config/rule_reader.hpp"
#include "config/section.hpp"
#include "config/settings.hpp"
#include "config/warm_reader.hpp"
#include "config/yaml_tree.hpp"

#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

namespace sidecache::config {
namespace {

void compile_rules(read_definition read, model& m, report& out) {
    if (!read.is_complete) {
        return;
    }
    read.text.around = {
        !m.upstream.fixed_host.empty(), m.upstream.strip_headers, m.upstream.trusted_headers};
    auto compiled = rules::rule_set::compile(read.text);
    for (auto& d : compiled.findings) {
        if (d.level == rules::severity::error) {
            out.error(d.at, std::move(d.text), std::move(d.hint));
        } else {
            out.warning(d.at, std::move(d.text), std::move(d.hint));
        }
    }
    m.rules = std::move(compiled.rules);
}

}  // namespace

loaded load_text(std::string_view yaml, std::string file_name, environment const& env) {
    report out(std::move(file_name));
    auto m = std::make_shared<model>();
    auto const root = parse_yaml(yaml, env, out);
    if (root) {
        places where;
        section top("", *root, out, where);
        read_settings(top, *m);
        auto read = read_rules(top);
        if (auto const& identity = m->identity) {
            read.text.credential_fields = credential_fields(*identity);
        }
        top.finish();
        check_settings(*m, where, out);
        check_identity(*m, read.text, out);
        check_events(*m, where, out);
        if (root->what == yaml_node::kind::map && read.is_complete && read.text.rules.empty()) {
            out.warning({},
                        "there are no `rules`: nothing will be cached",
                        "add one, as in config/products.yaml");
        }
        compile_rules(std::move(read), *m, out);
        check_warm(*m, where, out);
    }
    loaded result;
    if (out.errors() == 0) {
        result.config = std::move(m);
        result.tree = root;
    }
    result.findings = out.take();
    return result;
}

loaded load_file(std::string const& path) {
    auto text = read_text(path);
    if (auto const* error = std::get_if<std::error_code>(&text)) {
        return {nullptr,
                {{rules::severity::error, path, {}, "cannot be read: " + error->message(), ""}}};
    }
    auto const env = [](std::string_view name) -> std::optional<std::string> {
        // Start-up and SIGHUP only, and nobody here calls setenv: no race to lose.
        auto const* value =
            std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    auto result = load_text(std::get<std::string>(text), path, env);
    result.text = std::move(std::get<std::string>(text));
    return result;
}

}  // namespace sidecache::config
