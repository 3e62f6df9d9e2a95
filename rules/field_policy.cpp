#include "rules/field_policy.hpp"

#include "rules/caller_field.hpp"
#include "rules/method.hpp"

#include <algorithm>
#include <array>

namespace sidecache::rules {

namespace {

using std::string_view_literals::operator""sv;

constexpr auto forwarded = "Forwarded"sv;
constexpr auto forwarded_host = "X-Forwarded-Host"sv;
constexpr auto forwarded_proto = "X-Forwarded-Proto"sv;

/// By which frameworks, servers and gateways let a request say another host, scheme, port, path,
/// prefix or method than its own. Addresses (X-Forwarded-For, X-Real-IP) are not among them:
/// nobody would share anything.
constexpr std::array unkeyed_fields{
    forwarded,
    forwarded_host,
    "X-Host"sv,
    "X-Original-Host"sv,
    "X-HTTP-Host-Override"sv,
    "X-HTTP-Host"sv,
    "X-Forwarded-Server"sv,
    "X-Forwarded-Scheme"sv,
    "X-Forwarded-Protocol"sv,
    "X-Forwarded-Ssl"sv,
    "X-Original-Proto"sv,
    "X-Original-Scheme"sv,
    "X-Scheme"sv,
    "X-Url-Scheme"sv,
    "Front-End-Https"sv,
    "X-Forwarded-Port"sv,
    "X-Original-Port"sv,
    "X-Forwarded-Prefix"sv,
    "X-Script-Name"sv,
    "X-Forwarded-Path"sv,
    "X-Forwarded-Uri"sv,
    "X-Forwarded-Url"sv,
    "X-Original-URL"sv,
    "X-Original-URI"sv,
    "X-Rewrite-URL"sv,
    "X-Rewrite-URI"sv,
    "X-Forwarded-Method"sv,
    "X-Original-Method"sv,
};

/// One bit a letter.
std::uint32_t initial(std::string_view name) {
    return name.empty() ? 0U : 1U << (static_cast<unsigned char>(name.front()) & 31U);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool among(std::vector<std::string> const& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](auto const& n) { return iequals(n, name); });
}

/// Calls `each(parameter)` for the parts of a Forwarded value (RFC 7239 section 4) that say what
/// was asked for: `host=` and `proto=`. `for=` and `by=` differ with every client and hop.
template <class Each>
void for_each_claim(std::string_view value, Each each) {
    while (!value.empty()) {
        auto const end = value.find_first_of(";,");
        auto part = value.substr(0, end);
        value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
        part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
        if (iequals(part.substr(0, 4), "host") || iequals(part.substr(0, 5), "proto")) {
            each(part);
        }
    }
}

bool has_claim(std::string_view forwarded_value) {
    bool found = false;
    for_each_claim(forwarded_value, [&](std::string_view) { found = true; });
    return found;
}

void append_lower(std::string& out, std::string_view text) {
    for (char const c : text) {
        out += lower(c);
    }
}

}  // namespace

field_policy::field_policy(surroundings const& around)
    : stripped_(around.stripped), fixed_host_(around.fixed_host) {
    auto const add = [&](std::string_view name, field_role role) {
        if (!among(around.stripped, name)) {
            fields_.push_back({name, role});
            initials_ |= initial(name);
        }
    };
    add("Range", field_role::range);
    add("If-None-Match", field_role::conditional);
    add("If-Modified-Since", field_role::conditional);
    add("If-Match", field_role::precondition);
    add("If-Unmodified-Since", field_role::precondition);
    add("Cache-Control", field_role::directives);
    add("Pragma", field_role::directives);
    for (auto const name : method_override_fields) {
        add(name, field_role::method_override);
    }
    add(forwarded_proto, field_role::claim);
    for (auto const name : unkeyed_fields) {
        add(name, among(around.trusted, name) ? field_role::claim : field_role::unkeyed);
    }
    for (auto const name : known_caller_fields()) {
        if (among(around.trusted, name)) {
            add(name, field_role::claim);
        }
    }
}

bool field_policy::is_stripped(std::string_view name) const {
    return among(stripped_, name);
}

bool field_policy::is_watched(std::string_view name) {
    return iequals(name, forwarded_proto) || caller_field_of(name) != caller_field::none ||
           std::any_of(unkeyed_fields.begin(), unkeyed_fields.end(), [&](auto n) {
               return iequals(n, name);
           });
}

field_role field_policy::role_of(field const& f, std::string_view host) const {
    if ((initials_ & initial(f.name)) == 0) {
        return field_role::ordinary;  // most are: every field of every read comes through here
    }
    for (auto const& w : fields_) {
        if (w.name.size() != f.name.size() || !iequals(w.name, f.name)) {
            continue;
        }
        if (w.name == forwarded_host && !fixed_host_ && iequals(f.value, host)) {
            return field_role::same_host;
        }
        if (w.name == forwarded && !has_claim(f.value)) {
            return field_role::ordinary;
        }
        return w.role;
    }
    return field_role::ordinary;
}

void field_policy::append_host(std::string& out, request const& r) const {
    if (!fixed_host_) {
        out += "\nhost=";
        append_lower(out, r.host);
    }
}

void field_policy::append_claims(std::string& out, request const& r) const {
    auto const schemes = std::count_if(r.fields.begin(), r.fields.end(), [](field const& f) {
        return iequals(f.name, forwarded_proto);
    });
    for (auto const& f : r.fields) {
        if (role_of(f, r.host) != field_role::claim) {
            continue;
        }
        if (schemes == 1 && f.value == "http" && iequals(f.name, forwarded_proto)) {
            continue;  // what the backend is told of a request that says nothing
        }
        out += '\n';
        append_lower(out, f.name);
        if (iequals(f.name, forwarded)) {
            for_each_claim(f.value, [&](std::string_view part) {
                out += '=';
                out += part;
            });
        } else {
            out += '=';
            out += f.value;
        }
    }
}

}  // namespace sidecache::rules
