#include "config/rule_reader.hpp"

#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <span>
#include <utility>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;
using rules::located;
using std::string_view;

constexpr auto longest_ttl = std::chrono::hours(24 * 3'650);
constexpr range<std::chrono::milliseconds> positive{1ms, longest_ttl};

/// A text that must be there and not empty.
bool read_located(section& s, string_view key, located<std::string>& out, string_view hint) {
    auto const* node = s.require(key, hint);
    if (node == nullptr || s.expect_scalar(*node, key) == nullptr) {
        return false;
    }
    if (node->text.empty()) {
        s.findings().error(node->at, quoted(key) + " is empty", std::string(hint));
        return false;
    }
    out = {node->text, node->at};
    return true;
}

/// One text or a list of them.
bool read_texts(section& s,
                string_view key,
                std::vector<located<std::string>>& out,
                string_view hint) {
    auto const* node = s.require(key, hint);
    if (node == nullptr) {
        return false;
    }
    if (node->what == yaml_node::kind::sequence) {
        for (auto const& item : node->items) {
            if (s.expect_scalar(*item, key) != nullptr) {
                out.push_back({item->text, item->at});
            }
        }
        if (node->items.empty()) {
            s.findings().error(node->at, quoted(key) + " is an empty list", std::string(hint));
        }
        return !out.empty() && out.size() == node->items.size();
    }
    if (s.expect_scalar(*node, key) == nullptr) {
        return false;
    }
    out.push_back({node->text, node->at});
    return true;
}

std::optional<unsigned> read_status(section& s, string_view text, rules::position at) {
    auto const number = parse_count(text);
    auto const* status = std::get_if<std::uint64_t>(&number);
    if (status == nullptr || *status < 200 || *status > 599) {
        s.findings().error(
            at, quoted(text) + " is not the status of an answer", "write a number from 200 to 599");
        return std::nullopt;
    }
    return static_cast<unsigned>(*status);
}

bool read_variable(section& owner, yaml_entry const& entry, rules::variable_definition& out) {
    out.name = entry.key;
    auto const& node = *entry.value;
    if (node.what != yaml_node::kind::map) {
        if (owner.expect_scalar(node, entry.key.value) == nullptr) {
            return false;
        }
        out.from = {node.text, node.at};
        return true;
    }
    section s(owner.path() + ".vars{}", node, owner.findings(), owner.where());
    located<std::string> from;
    auto const is_read = read_located(
        s, "from", from, "say where the value comes from: query.page, header.X-Name, ...");
    if (is_read) {
        out.from = std::move(from);
    }
    if (auto const* fallback = s.find("default")) {
        if (auto const* value = s.expect_scalar(*fallback, "default")) {
            out.fallback = value->text;
        }
    }
    s.finish();
    return is_read;
}

bool read_variables(section& s, std::vector<rules::variable_definition>& out) {
    auto const* node = s.find("vars");
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return true;
    }
    if (node->what != yaml_node::kind::map) {
        s.findings().error(node->at,
                           "`vars` must be a mapping of names to sources",
                           "write vars: {page: query.page}");
        return false;
    }
    bool is_complete = true;
    for (auto const& entry : node->entries) {
        rules::variable_definition variable;
        if (read_variable(s, entry, variable)) {
            out.push_back(std::move(variable));
        } else {
            is_complete = false;
        }
    }
    return is_complete;
}

void read_ttl(section& s, rules::rule_definition& out) {
    auto const* node = s.find("ttl");
    if (node == nullptr) {
        return;
    }
    out.ttl_at = node->at;
    if (node->what == yaml_node::kind::scalar && node->text == "origin") {
        out.origin = true;
        return;
    }
    s.duration("ttl", out.ttl, positive);
}

void read_statuses(section& s, rules::rule_definition& out) {
    auto const* node = s.find("statuses");
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return;
    }
    auto& findings = s.findings();
    if (out.origin) {
        findings.error(node->at,
                       "`statuses` says nothing beside `ttl: origin`",
                       "remove it: each response says for itself how long it is fresh");
        return;
    }
    if (node->what != yaml_node::kind::map) {
        findings.error(node->at,
                       "`statuses` must be a mapping of statuses to durations",
                       "write statuses: {404: 30s}");
        return;
    }
    for (auto const& [key, value] : node->entries) {
        auto const status = read_status(s, key.value, key.at);
        if (!status || s.expect_scalar(*value, key.value) == nullptr) {
            continue;
        }
        auto const parsed = parse_duration(value->text);
        if (auto const* bad = std::get_if<problem>(&parsed)) {
            findings.add(value->at, *bad);
            continue;
        }
        auto const ttl = std::get<std::chrono::milliseconds>(parsed);
        if (ttl <= 0ms) {
            findings.error(value->at,
                           "the ttl of a status must be more than 0",
                           "remove the status: what is not listed is not stored");
        } else if (*status == 206 || *status == 304) {
            findings.error(key.at, "a " + key.value + " answer is never stored", "remove it");
        } else if (*status == 428 || *status == 429 || *status == 431 || *status == 511) {
            findings.error(key.at,
                           "a " + key.value + " answer must not be stored",
                           "remove it: it is about one client (RFC 6585)");
        } else if (*status != 200) {
            out.statuses.emplace(*status, ttl);
        } else if (s.find("ttl") != nullptr) {
            findings.error(
                key.at, "`ttl` says already how long a 200 is fresh", "give one of them");
        } else {
            out.ttl = ttl;
            out.ttl_at = value->at;
        }
    }
}

void read_lock(section& s, std::optional<rules::lock_definition>& out, bool& is_complete) {
    s.child("lock", [&](section& below) {
        rules::lock_definition lock;
        is_complete =
            read_located(
                below, "key", lock.key, "write the lock's key, such as \"product:{id}:lock\"") &&
            is_complete;
        below.duration("ttl", lock.ttl, {100ms, 1h});
        below.duration("wait", lock.wait, {0ms, 1h});
        out = std::move(lock);
    });
}

void read_partition(section& s, rules::partition_definition& out) {
    auto const* node = s.find("partition");
    if (node == nullptr) {
        return;
    }
    out.at = node->at;
    if (node->what == yaml_node::kind::sequence) {
        out.what = rules::partition_definition::kind::identity;
        for (auto const& item : node->items) {
            if (s.expect_scalar(*item, "partition") != nullptr) {
                out.variables.push_back(item->text);
            }
        }
        if (node->items.empty()) {
            s.findings().error(node->at,
                               "`partition` is an empty list",
                               "name variables of `identity.vars`, or say `none` if everybody may "
                               "share the entries");
        }
        return;
    }
    static constexpr std::array<string_view, 2> words{"credential", "none"};
    if (auto const word = s.choice("partition", words)) {
        out.what = *word == 0 ? rules::partition_definition::kind::credential
                              : rules::partition_definition::kind::none;
    }
}

/// An entry that is due as soon as it is stored would be fetched at each hit.
void read_refresh_ahead(section& s, rules::rule_definition& out) {
    s.duration("refresh_ahead", out.refresh_ahead, {0ms, longest_ttl});
    auto const* const node = s.find("refresh_ahead");
    if (node == nullptr || out.refresh_ahead == 0ms) {
        return;
    }
    if (out.origin) {
        s.findings().error(
            node->at,
            "`refresh_ahead` goes by the ttl of the rule, and here the backend says it",
            "give the rule a duration");
        return;
    }
    auto shortest = out.ttl;
    for (auto const& [status, ttl] : out.statuses) {
        shortest = shortest == 0ms ? ttl : std::min(shortest, ttl);
    }
    auto const lives =
        std::chrono::duration_cast<std::chrono::milliseconds>(shortest * (1 - out.jitter));
    if (shortest != 0ms && out.refresh_ahead >= lives) {
        s.findings().error(node->at,
                           "`refresh_ahead` is " + print_duration(out.refresh_ahead) +
                               ", but an entry may live for " + print_duration(lives) + " only",
                           "make it less than the shortest life, jitter and `statuses` counted");
    }
}

/// Past its life an entry is of use in these windows only.
void read_stale_windows(section& s, rules::rule_definition& out) {
    s.duration("stale_while_revalidate", out.stale_while_revalidate, {0ms, longest_ttl});
    s.duration("stale_if_error", out.stale_if_error, {0ms, longest_ttl});
    for (auto const* key : {"stale_while_revalidate", "stale_if_error"}) {
        auto const* const node = s.find(key);
        if (out.origin && node != nullptr) {
            s.findings().error(node->at,
                               quoted(key) + " says nothing beside `ttl: origin`",
                               "remove it: each response says it in Cache-Control");
        }
    }
}

void read_unlisted_query(section& s, rules::unlisted_query& out) {
    static constexpr std::array<string_view, 3> words{"bypass", "include", "ignore"};
    static constexpr std::array values{rules::unlisted_query::bypass,
                                       rules::unlisted_query::include,
                                       rules::unlisted_query::ignore};
    if (auto const word = s.choice("unlisted_query", words)) {
        out = values[*word];
    }
}

void read_request_directives(section& s, std::optional<bool>& out) {
    static constexpr std::array<string_view, 2> words{"ignore", "obey"};
    if (auto const word = s.choice("request_directives", words)) {
        out = *word == 1;
    }
}

void read_vary_language(section& s, bool& by_preference) {
    static constexpr std::array<string_view, 2> words{"exact", "preference"};
    if (auto const word = s.choice("vary_language", words)) {
        by_preference = *word == 1;
    }
}

/// Only a rule with `ttl: origin` has a key by itself.
bool read_key(section& s, rules::rule_definition& out) {
    if (out.origin && s.find("key") == nullptr) {
        return true;
    }
    return read_located(s, "key", out.key, "say under which key: \"product:{id}:details\"");
}

/// False: too little is known of the rule to check it against others.
bool read_rule(section& s, rules::rule_definition& out) {
    auto const errors_before = s.findings().errors();
    bool is_complete =
        read_located(s, "name", out.name, "give the rule a name, such as product-details");
    is_complete = read_located(s, "match", out.match, "say what it caches: GET /products/{id}") &&
                  is_complete;
    is_complete = read_variables(s, out.vars) && is_complete;
    read_ttl(s, out);
    is_complete = read_key(s, out) && is_complete;
    read_statuses(s, out);
    read_lock(s, out.lock, is_complete);
    read_partition(s, out.partition);
    read_unlisted_query(s, out.unlisted);
    s.size("max_object", out.max_object, 1, 256ULL << 20U);
    s.share("jitter", out.jitter, {0, 0.9});
    read_refresh_ahead(s, out);
    read_stale_windows(s, out);
    s.count("max_upstream", out.max_upstream, 0, 1'000'000);
    s.count("max_keys", out.max_keys, 0, 1'000'000'000);
    s.boolean("store_set_cookie", out.store_set_cookie);
    s.boolean("store_errors", out.store_errors);
    read_request_directives(s, out.obeys_requests);
    s.boolean("own_etag", out.own_etag);
    read_vary_language(s, out.languages_by_preference);
    s.boolean("ttl_only", out.ttl_only);
    s.finish();
    if (out.ttl == 0ms && !out.origin && s.findings().errors() == errors_before) {
        s.findings().error(s.at(),
                           "the rule " + quoted(out.name.value) + " has no `ttl`",
                           "say how long an answer is fresh: ttl: 10m");
    }
    return is_complete;
}

void read_unchanged(section& s, std::optional<std::vector<unsigned>>& out) {
    auto const* node = s.find("unchanged_statuses");
    if (node == nullptr) {
        return;
    }
    if (node->what != yaml_node::kind::sequence) {
        s.findings().error(node->at,
                           "`unchanged_statuses` must be a list of statuses",
                           "write unchanged_statuses: [400, 404], or [] for none");
        return;
    }
    auto& statuses = out.emplace();
    for (auto const& item : node->items) {
        if (s.expect_scalar(*item, "unchanged_statuses") == nullptr) {
            continue;
        }
        if (auto const status = read_status(s, item->text, item->at)) {
            statuses.push_back(*status);
        }
    }
}

bool read_purge(section& s, rules::purge_definition& out) {
    bool is_complete =
        read_located(s, "name", out.name, "give the purge a name, such as product-updated");
    is_complete =
        read_texts(s, "on", out.on, "say which mutation sets it off: PUT /products/{id}") &&
        is_complete;
    is_complete = read_variables(s, out.vars) && is_complete;
    is_complete =
        read_texts(
            s, "patterns", out.patterns, "say which keys become stale: [\"product:{id}*\"]") &&
        is_complete;
    s.duration("settle", out.settle, {0ms, 24h});
    read_unchanged(s, out.unchanged_statuses);
    s.finish();
    return is_complete;
}

template <class Definition>
bool read_list(section& top,
               string_view key,
               std::vector<Definition>& out,
               bool (*read_one)(section&, Definition&)) {
    auto const* node = top.find(key);
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return true;
    }
    if (node->what != yaml_node::kind::sequence) {
        top.findings().error(
            node->at, quoted(key) + " must be a list", "begin each with `- name: ...`");
        return false;
    }
    bool is_complete = true;
    for (auto const& item : node->items) {
        section s(std::string(key) + "[]", *item, top.findings(), top.where());
        Definition one;
        if (item->what == yaml_node::kind::map && read_one(s, one)) {
            out.push_back(std::move(one));
        } else {
            is_complete = false;
        }
    }
    return is_complete;
}

}  // namespace

read_definition read_rules(section& top) {
    read_definition out;
    auto const are_rules_complete = read_list(top, "rules", out.text.rules, read_rule);
    auto const are_purges_complete = read_list(top, "purges", out.text.purges, read_purge);
    out.is_complete = are_rules_complete && are_purges_complete;
    return out;
}

}  // namespace sidecache::config
