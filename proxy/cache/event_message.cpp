#include "proxy/cache/event_message.hpp"

#include "rules/http_cache/groups.hpp"
#include "rules/method.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/request.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace sidecache::cache {

namespace {

constexpr std::string_view identity_prefix = "identity.";

/// "https://shop.example.com/products/1?x=1" and "/products/1?x=1" are the same target.
std::string_view target_of(std::string_view uri) {
    auto const scheme = uri.find("://");
    if (scheme == std::string_view::npos || uri.starts_with('/')) {
        return uri;
    }
    auto const path = uri.find('/', scheme + 3);
    return path == std::string_view::npos ? std::string_view("/") : uri.substr(path);
}

std::optional<std::string_view> text_of(store::stream_message const& message,
                                        std::string_view name) {
    auto const* const found = message.find(name);
    return found == nullptr ? std::nullopt : std::optional<std::string_view>(*found);
}

std::string add_write(rules::rule_set const& rules,
                      store::stream_message const& message,
                      event_scope& out) {
    auto const method = text_of(message, "method");
    auto const uri = text_of(message, "uri");
    if (!method || !uri) {
        return "`method` and `uri` go together";
    }
    if (method->empty() || rules::is_safe(*method)) {
        return "`method` is not that of a write";
    }
    auto const target = target_of(*uri);
    auto const is_plain = [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) != 0x7f;
    };
    if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), is_plain)) {
        return "`uri` is not a path such as /products/42";
    }
    std::vector<rules::field> identity;
    for (auto const& [name, value] : message.fields) {
        if (name.starts_with(identity_prefix)) {
            identity.push_back({std::string_view(name).substr(identity_prefix.size()), value});
        }
    }
    rules::request asked;
    asked.method = *method;
    asked.target = target;
    if (!identity.empty()) {
        asked.identity = identity;
    }
    auto scope = rules.mutate(asked, text_of(message, "body"));
    for (std::size_t i = 0; i < scope.entry_lookups().size(); ++i) {
        scope.resolve_entry(i, std::nullopt);
    }
    if (scope.needs_response()) {
        scope.resolve_response(text_of(message, "response"));
    }
    for (auto& mark : scope.changed()) {
        out.tags.push_back(std::move(mark.tag));
    }
    out.is_unmatched = !scope.matched();
    return {};
}

std::string add_covering(rules::rule_set const& rules,
                         std::string_view pattern,
                         std::string_view what,
                         event_scope& out) {
    auto tags = rules.tags_covering(pattern);
    auto* const found = std::get_if<std::vector<std::string>>(&tags);
    if (found == nullptr) {
        return std::string(what) + " is of no rule's keys";
    }
    std::move(found->begin(), found->end(), std::back_inserter(out.tags));
    return {};
}

}  // namespace

std::variant<event_scope, std::string> read_event(rules::rule_set const& rules,
                                                  store::stream_message const& message,
                                                  std::size_t most_bytes) {
    if (message.size() > most_bytes) {
        return "it is larger than `events.max_message`";
    }
    event_scope out;
    std::string wrong;
    bool is_named = false;
    if (auto const pattern = text_of(message, "pattern")) {
        is_named = true;
        wrong = add_covering(rules, *pattern, "`pattern`", out);
    }
    if (auto const key = text_of(message, "key"); key && wrong.empty()) {
        is_named = true;
        auto const plain = key->substr(0, key->find('|'));
        wrong = plain.find('*') != std::string_view::npos
                    ? "`key` holds a '*', which is for `pattern`"
                    : add_covering(rules, plain, "`key`", out);
    }
    if (auto const rule = text_of(message, "rule"); rule && wrong.empty()) {
        is_named = true;
        if (rules.find_rule(*rule) == nullptr) {
            wrong = "`rule` is not the name of a rule";
        } else {
            out.tags.push_back(rules::rule_set::rule_tag(*rule));
        }
    }
    if (auto const group = text_of(message, "group"); group && wrong.empty()) {
        is_named = true;
        if (group->empty()) {
            wrong = "`group` is empty";
        } else {
            // With the tag that changes with any group: fills look at it (entry_groups.hpp).
            out.tags.push_back(rules::http_cache::group_tag(*group));
            out.tags.emplace_back(rules::http_cache::any_group);
        }
    }
    bool const is_write = message.find("method") != nullptr || message.find("uri") != nullptr;
    if (is_write && wrong.empty()) {
        is_named = true;
        wrong = add_write(rules, message, out);
    }
    if (!is_named && wrong.empty()) {
        wrong = "it names neither `pattern`, `key`, `rule`, `group` nor `method` and `uri`";
    }
    if (!wrong.empty()) {
        return wrong;
    }
    std::sort(out.tags.begin(), out.tags.end());
    out.tags.erase(std::unique(out.tags.begin(), out.tags.end()), out.tags.end());
    return out;
}

}  // namespace sidecache::cache
