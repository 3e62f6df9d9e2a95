#include "proxy/command/explanation_text.hpp"

#include "config/units.hpp"
#include "proxy/command/print.hpp"
#include "rules/explain.hpp"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::command {
namespace {

using rules::bypass_reason;

std::string_view why(bypass_reason reason) {
    switch (reason) {
        case bypass_reason::none:
            return "";
        case bypass_reason::unlisted_query:
            return "a query parameter that the key does not use (see unlisted_query)";
        case bypass_reason::duplicate_query:
            return "a query parameter of the key came twice, and backends differ in which one "
                   "counts";
        case bypass_reason::odd_path:
            return "the path holds dot segments, empty segments, encoded slashes, ';', bad "
                   "encoding, or encoded letters of the rule's own path";
        case bypass_reason::missing_variable:
            return "a variable of the key has neither a value nor a default";
        case bypass_reason::request_body:
            return "a GET with content";
        case bypass_reason::unverified_identity:
            return "the rule shares inside an identity, and nobody was verified";
        case bypass_reason::key_too_long:
            return "the key would be too long";
        case bypass_reason::method_override:
            return "a field or parameter names another method";
        case bypass_reason::duplicate_field:
            return "a header or cookie of the key came twice, and backends differ in which one "
                   "counts";
        case bypass_reason::unkeyed_field:
            return "a field that may change the answer and is in no key, such as X-Forwarded-Host "
                   "(see upstream.strip_headers and trusted_headers)";
        case bypass_reason::precondition:
            return "If-Match or If-Unmodified-Since, which only the backend may evaluate";
    }
    return "";
}

std::string tags_text(std::string_view label, std::span<rules::explained_tag const> tags) {
    std::vector<std::string> lines;
    for (auto const& t : tags) {
        auto line = t.tag;
        if (t.kind == rules::mark_kind::intent) {
            line += " (once the answer is known)";
        }
        line += t.rules.empty() ? ": no rule's entries" : ": entries of " + joined(t.rules, ", ");
        if (!t.exact_key.empty()) {
            line += "; removes " + t.exact_key;
        }
        lines.push_back(std::move(line));
    }
    return labelled(label, lines);
}

std::string served(rules::explanation const& e) {
    auto out = "served from the cache by the rule " + e.rule + "\n";
    out += labelled("key", e.key);
    if (e.full_key != e.key) {
        auto shown = e.full_key;
        if (shown.starts_with(e.key + "\n")) {
            shown = shown.substr(e.key.size() + 1);
        }
        out += labelled("apart by", harmless(shown));
    }
    out += labelled("ttl",
                    e.ttl.count() == 0 ? "as each response says" : config::print_duration(e.ttl));
    if (!e.lock_key.empty()) {
        out += labelled("lock", e.lock_key);
    }
    out += labelled("shared by", e.sharing);
    return out + labelled("tags", e.tags);
}

std::string mutates(rules::explanation const& e) {
    auto out =
        e.purges.empty()
            ? std::string("forwarded; no purge matches, so only its own path is invalidated\n")
            : "forwarded, and answered once these are invalidated\n";
    if (!e.purges.empty()) {
        out += labelled("purges", joined(e.purges, ", "));
    }
    out += labelled("narrowed", e.later);
    out += tags_text("marks", e.marks);
    return out + tags_text("changes", e.changed);
}

}  // namespace

std::string explanation_text(rules::explanation const& e) {
    switch (e.what) {
        case rules::verdict::serve:
            return served(e);
        case rules::verdict::bypass:
            return "forwarded past the cache\n" + labelled("rule", e.rule) +
                   labelled("bypass",
                            std::string(name(e.reason)) + ": " + std::string(why(e.reason)));
        case rules::verdict::pass:
            return "forwarded; no rule matches\n";
        case rules::verdict::mutate:
            return mutates(e);
    }
    return "";
}

}  // namespace sidecache::command
