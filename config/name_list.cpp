#include "config/name_list.hpp"

#include "rules/request.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace sidecache::config {
namespace {

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

}  // namespace

void read_names(section& s,
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

bool is_variable_name(string_view text) {
    return !text.empty() && is_made_of(text, {letters, digits, "_-"});
}

bool is_credential_field(string_view name) {
    return is_token(name) && !is_no_credential(name);
}

bool is_usual_credential(string_view name) {
    return rules::iequals(name, "Authorization") || rules::iequals(name, "Cookie");
}

}  // namespace sidecache::config
