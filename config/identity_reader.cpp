#include "config/identity_reader.hpp"

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

constexpr string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr string_view digits = "0123456789";

bool is_made_of(string_view text, std::initializer_list<string_view> allowed) {
    return std::ranges::all_of(text, [&](char c) {
        return std::ranges::any_of(allowed,
                                   [c](string_view some) { return some.find(c) != some.npos; });
    });
}

/// A field name (RFC 9110 section 5.1).
bool is_token(string_view text) {
    return !text.empty() && is_made_of(text, {letters, digits, "!#$%&'*+-.^_`|~"});
}

/// Fields that say nothing about who is asking, or that each hop writes for itself.
bool is_no_credential(string_view name) {
    static constexpr std::array<string_view, 12> names{"Host",
                                                       "Accept",
                                                       "Via",
                                                       "X-Request-Id",
                                                       "Content-Length",
                                                       "Content-Type",
                                                       "Transfer-Encoding",
                                                       "Connection",
                                                       "Keep-Alive",
                                                       "Upgrade",
                                                       "TE",
                                                       "Trailer"};
    return std::ranges::any_of(names, [&](string_view n) { return rules::iequals(n, name); });
}

void read_list(section& s,
               string_view key,
               std::vector<std::string>& out,
               string_view hint,
               bool (*is_good)(string_view)) {
    auto const* node = s.find(key);
    if (node == nullptr) {
        return;
    }
    if (node->what != yaml_node::kind::sequence || node->items.empty()) {
        s.findings().error(node->at, quoted(key) + " must be a list", std::string(hint));
        return;
    }
    std::vector<std::string> read;
    for (auto const& item : node->items) {
        if (s.expect_scalar(*item, key) == nullptr) {
            continue;
        }
        auto const is_it = [&](auto const& seen) { return rules::iequals(seen, item->text); };
        if (!is_good(item->text)) {
            s.findings().error(item->at,
                               quoted(item->text) + " cannot stand in " + quoted(key),
                               std::string(hint));
        } else if (std::ranges::any_of(read, is_it)) {
            s.findings().error(item->at, quoted(item->text) + " comes twice", "remove one");
        } else {
            read.push_back(item->text);
        }
    }
    out = std::move(read);
}

bool is_credential_field(string_view name) {
    return is_token(name) && !is_no_credential(name);
}

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
    read_list(s,
              "forward",
              out.forward,
              "name the fields that hold credentials: [Authorization, Cookie]",
              is_credential_field);
    s.duration("ttl", out.ttl, {1ms, 1h});
    s.duration("negative_ttl", out.negative_ttl, {0ms, 1h});
    s.duration("timeout", out.timeout, section::timeout);
    s.count("max", out.max, 1, 10'000'000);
}

void read_jwt(section& s, jwt& out) {
    static constexpr auto is_algorithm = [](string_view name) {
        static constexpr std::array<string_view, 4> names{"HS256", "RS256", "ES256", "EdDSA"};
        return std::ranges::find(names, name) != names.end();
    };
    s.text("jwks_file", out.jwks_file);
    s.text("secret_file", out.secret_file);
    read_list(s,
              "algorithms",
              out.algorithms,
              "name some of HS256, RS256, ES256 and EdDSA",
              is_algorithm);
    s.text("issuer", out.issuer);
    s.text("audience", out.audience);
    s.duration("leeway", out.leeway, {0ms, 10min});
    auto const* header = s.find("header");
    s.text("header", out.header);
    if (header != nullptr && !is_credential_field(out.header)) {
        s.findings().error(header->at,
                           quoted(out.header) + " cannot be the field of a token",
                           "leave it out for Authorization");
    }
    if (out.jwks_file.empty() == out.secret_file.empty()) {
        s.findings().error(s.at(),
                           "`jwt` needs either `jwks_file` or `secret_file`",
                           "write one of them: jwks_file: /etc/sidecache/jwks.json");
    }
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
        if (name.empty() || !is_made_of(name, {letters, digits, "_-"})) {
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
    if (of.probe) {
        return of.probe->forward;
    }
    if (of.jwt) {
        return {of.jwt->header};
    }
    return {};
}

std::optional<identity> read_identity(section& top) {
    auto const* node = top.find("identity");
    if (node == nullptr) {
        return std::nullopt;
    }
    identity out;
    top.child("identity", [&](section& s) {
        s.child("probe", [&](section& below) { read_probe(below, out.probe.emplace()); });
        s.child("jwt", [&](section& below) {
            read_jwt(below, out.jwt.emplace());
            s.findings().error(
                below.at(),
                "`identity.jwt` is part of the design, not available in this version",
                "use `probe` for now");
        });
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
