#include "rules/http_cache/invalidation.hpp"

#include "rules/list_field.hpp"

namespace sidecache::rules::http_cache {

namespace {

/// RFC 3986 section 5.2.4.
std::string without_dot_segments(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        auto const next = path.find('/', 1);
        auto const segment = path.substr(0, next);
        bool const is_last = next == std::string_view::npos;
        path = is_last ? std::string_view() : path.substr(next);
        if (segment == "/..") {
            auto const parent = out.rfind('/');
            out.resize(parent == std::string::npos ? 0 : parent);
        } else if (segment != "/.") {
            out += segment;
            continue;
        }
        if (is_last) {
            out += '/';
        }
    }
    return out;
}

/// Takes "http://" or "https://" and the authority off; false: it is another origin's. One scheme
/// or the other: who is in front of us may have ended TLS.
bool take_own_authority(request const& asked, std::string_view& reference) {
    auto const authority_end = [](std::string_view text) { return text.find_first_of("/?#"); };
    if (auto const scheme = reference.find("://");
        scheme != std::string_view::npos && scheme < reference.find_first_of("/?#")) {
        auto const name = reference.substr(0, scheme);
        if (!iequals(name, "http") && !iequals(name, "https")) {
            return false;
        }
        reference.remove_prefix(scheme + 1);
    }
    if (!reference.starts_with("//")) {
        return true;
    }
    reference.remove_prefix(2);
    auto const end = authority_end(reference);
    auto const authority = reference.substr(0, end);
    reference = end == std::string_view::npos ? std::string_view("/") : reference.substr(end);
    return iequals(authority, asked.host);
}

}  // namespace

std::string same_origin_path(request const& asked, std::string_view reference) {
    reference = trimmed(reference);
    if (!take_own_authority(asked, reference)) {
        return {};
    }
    reference = reference.substr(0, reference.find('#'));
    reference = reference.substr(0, reference.find('?'));
    if (reference.empty()) {
        return std::string(path_of(asked.target));
    }
    if (reference.front() == '/') {
        return without_dot_segments(reference);
    }
    if (auto const colon = reference.find(':');
        colon != std::string_view::npos && colon < reference.find('/')) {
        return {};  // another scheme: mailto:, urn:
    }
    auto const path = path_of(asked.target);
    std::string merged(path.substr(0, path.rfind('/') + 1));
    merged += reference;
    return without_dot_segments(merged);
}

also_stale made_stale(request const& asked, unsigned status, std::span<field const> response) {
    also_stale out;
    if (status < 200 || status > 399) {
        return out;
    }
    for (auto const& f : response) {
        if (iequals(f.name, "Location") || iequals(f.name, "Content-Location")) {
            if (auto path = same_origin_path(asked, f.value); !path.empty()) {
                out.paths.push_back(std::move(path));
            }
        }
    }
    out.groups = invalidated_groups(response);
    return out;
}

}  // namespace sidecache::rules::http_cache
