#include "config/identity_reader.hpp"

#include "config/jwt_reader.hpp"
#include "config/name_list.hpp"
#include "rules/json_path.hpp"
#include "rules/request.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;
using std::string_view;

void read_probe(section& s, probe& out) {
    auto const* path = s.require("path", "say what to ask the backend: path: /me");
    if (path != nullptr && s.expect_scalar(*path, "path") != nullptr) {
        out.path = path->text;
        auto const is_visible = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
        if (!out.path.starts_with('/') || !std::ranges::all_of(out.path, is_visible)) {
            s.findings().error(
                path->at, quoted(out.path) + " is not a path", "begin it with `/`, as in /me");
        }
    }
    read_names(s,
               "forward",
               out.forward,
               "name the fields that hold credentials: [Authorization, Cookie]",
               is_credential_field);
    read_names(s,
               "ignore",
               out.ignore,
               "name what the backend never goes by: [Cookie], or Authorization",
               is_usual_credential);
    s.duration("ttl", out.ttl, {1ms, 1h});
    s.duration("negative_ttl", out.negative_ttl, {0ms, 1h});
    s.duration("timeout", out.timeout, section::timeout);
    s.count("max", out.max, 1, 10'000'000);
    s.boolean("fixed", out.fixed);
}

/// `prefix` is `response` or `claims`.
void read_variables(section& s, string_view prefix, std::vector<identity_variable>& out) {
    auto const example = "write vars: {orgId: " + std::string(prefix) + ".organizationId}";
    auto const* node = s.require("vars", example);
    if (node == nullptr) {
        return;
    }
    if (node->what != yaml_node::kind::map || node->entries.empty()) {
        s.findings().error(node->at, "`vars` must be a mapping of names to sources", example);
        return;
    }
    for (auto const& entry : node->entries) {
        auto const& name = entry.key.value;
        // The names are compared without regard to case where rules look them up.
        auto const is_it = [&](auto const& v) { return rules::iequals(v.name, name); };
        if (!is_variable_name(name)) {
            s.findings().error(entry.key.at,
                               quoted(name) + " cannot be the name of a variable",
                               "use letters, digits, `_` and `-`");
            continue;
        }
        if (std::ranges::any_of(out, is_it)) {
            s.findings().error(entry.key.at,
                               quoted(name) + " differs from another one in case only",
                               "remove one");
            continue;
        }
        auto const* source = s.expect_scalar(*entry.value, name);
        if (source == nullptr) {
            continue;
        }
        if (!source->text.starts_with(prefix)) {
            s.findings().error(
                source->at, quoted(source->text) + " is no source of an identity", example);
            continue;
        }
        auto path = source->text.substr(prefix.size());
        auto const parsed = rules::json_path::parse(path);
        if (auto const* bad = std::get_if<rules::template_error>(&parsed)) {
            s.findings().error(source->at, quoted(source->text) + ": " + bad->text, bad->hint);
            continue;
        }
        if (std::get<rules::json_path>(parsed).fans_out()) {
            s.findings().error(source->at,
                               quoted(source->text) + " names many values",
                               "an identity's variable is one value");
            continue;
        }
        out.push_back({name, std::move(path)});
    }
}

}  // namespace

std::vector<std::string> credential_fields(identity const& of) {
    std::vector<std::string> out;
    if (of.probe) {
        out = of.probe->forward;
    } else if (of.jwt) {
        out = {of.jwt->header};
    }
    auto const ignored = of.probe ? of.probe->ignore
                         : of.jwt ? of.jwt->ignore
                                  : std::vector<std::string>();
    for (auto const* other : {"Authorization", "Cookie"}) {
        auto const is_it = [&](auto const& name) { return rules::iequals(name, other); };
        if (std::ranges::none_of(out, is_it) && std::ranges::none_of(ignored, is_it)) {
            out.emplace_back(other);
        }
    }
    return out;
}

std::optional<identity> read_identity(section& top) {
    auto const* node = top.find("identity");
    if (node == nullptr) {
        return std::nullopt;
    }
    identity out;
    top.child("identity", [&](section& s) {
        s.child("probe", [&](section& below) { read_probe(below, out.probe.emplace()); });
        s.child("jwt", [&](section& below) { read_jwt(below, out.jwt.emplace()); });
        if (out.probe.has_value() == out.jwt.has_value()) {
            s.findings().error(s.at(),
                               "`identity` needs either `probe` or `jwt`",
                               "write one of them: probe: {path: /me}");
        }
        read_variables(s, out.jwt ? "claims" : "response", out.vars);
    });
    return out;
}

}  // namespace sidecache::config
