#include "rules/mutation_scope.hpp"

#include "rules/escape.hpp"
#include "rules/http_cache/invalidation.hpp"
#include "rules/mutation_binding.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;
using state_kind = variable_state::kind;

/// Final statuses that say that nothing was changed (protocol.md section 3.6).
constexpr std::array<unsigned, 19> unchanged{
    400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 417, 422, 428, 429, 431, 501};
/// Those among them that may come after a part of several resources was changed.
constexpr std::array<unsigned, 6> partly{404, 409, 410, 412, 422, 428};

/// What one pattern of a purge makes of its variables' values: tags, appended to `out`.
void add_tags(std::vector<planned_mark>& out,
              rule_set::compiled const& c,
              compiled_pattern const& p,
              std::vector<variable_state> const& variables,
              std::uint64_t mask,
              mark_kind kind) {
    auto const add_rules = [&](std::vector<std::size_t> const& rules, std::string exact_key) {
        for (auto const i : rules) {
            out.push_back({c.compiled_rules[i].tag, kind, std::exchange(exact_key, {})});
        }
    };
    auto const* w = p.find(mask);
    if (w == nullptr) {
        add_rules(p.reached, {});
        return;
    }
    // One dimension for each variable that stays, in the pattern's order.
    std::vector<std::size_t> sizes;
    std::vector<std::size_t> dimension(p.variables.size(), 0);
    for (std::size_t i = 0; i < p.variables.size(); ++i) {
        if (((w->mask >> i) & 1U) == 0) {
            dimension[i] = sizes.size();
            sizes.push_back(variables[p.variables[i]].values.size());
        }
    }
    bool const is_exact = w->pattern.text().find('*') == std::string::npos;
    if (w->carried) {
        bool const few = for_each_combination(sizes, max_fan_out, [&](auto const& at) {
            planned_mark m{.tag = {}, .kind = kind, .exact_key = {}};
            w->pattern.render_to(m.tag, [&](std::string& to, std::size_t i) {
                to += variables[p.variables[i]].values[at[dimension[i]]];
            });
            if (is_exact) {
                m.exact_key = m.tag;
            }
            out.push_back(std::move(m));
        });
        if (!few) {
            add_rules(p.reached, {});
            return;
        }
    }
    add_rules(w->whole_rules, is_exact && sizes.empty() ? w->pattern.text() : std::string());
}

void sort_and_merge(std::vector<planned_mark>& marks) {
    std::sort(marks.begin(), marks.end(), [](planned_mark const& a, planned_mark const& b) {
        return a.tag < b.tag;
    });
    std::vector<planned_mark> out;
    for (auto& m : marks) {
        if (out.empty() || out.back().tag != m.tag) {
            out.push_back(std::move(m));
            continue;
        }
        auto& same = out.back();
        if (m.kind == mark_kind::marker) {
            same.kind = mark_kind::marker;
        }
        if (same.exact_key.empty()) {
            same.exact_key = std::move(m.exact_key);
        }
    }
    marks = std::move(out);
}

}  // namespace

variable_state variable_state::of(std::vector<std::string> escaped_values) {
    variable_state out;
    if (escaped_values.empty() || escaped_values.size() > max_fan_out) {
        return out;
    }
    std::sort(escaped_values.begin(), escaped_values.end());
    escaped_values.erase(std::unique(escaped_values.begin(), escaped_values.end()),
                         escaped_values.end());
    out.what = kind::known;
    out.values = std::move(escaped_values);
    return out;
}

variable_state variable_state::of(json_values const& read, bound_variable const& v) {
    std::vector<std::string> values;
    if (read.what == json_values::outcome::found) {
        for (auto const& each : read.values) {
            values.push_back(escaped(each));
        }
    } else if (read.what == json_values::outcome::missing && v.fallback) {
        values.push_back(escaped(*v.fallback));
    }
    return of(std::move(values));
}

void take_json(std::vector<variable_state>& into,
               compiled_purge const& purge,
               variable_source::kind source,
               std::optional<std::string_view> text) {
    std::vector<json_path const*> paths;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < purge.variables.size(); ++i) {
        if (purge.variables[i].source.what == source) {
            into[i] = {};
            paths.push_back(&purge.variables[i].source.path);
            places.push_back(i);
        }
    }
    if (paths.empty() || !text) {
        return;
    }
    auto const read = read_json(*text, paths);
    for (std::size_t i = 0; i < places.size(); ++i) {
        into[places[i]] = variable_state::of(read[i], purge.variables[places[i]]);
    }
}

mutation_scope::mutation_scope() = default;
mutation_scope::mutation_scope(mutation_scope const&) = default;
mutation_scope::mutation_scope(mutation_scope&&) noexcept = default;
mutation_scope& mutation_scope::operator=(mutation_scope const&) = default;
mutation_scope& mutation_scope::operator=(mutation_scope&&) noexcept = default;
mutation_scope::~mutation_scope() = default;

bool mutation_scope::fans_out() const {
    return std::any_of(bindings_.begin(), bindings_.end(), [](binding const& b) {
        for (std::size_t i = 0; i < b.variables.size(); ++i) {
            auto const& source = b.compiled->variables[i].source;
            if (source.what == source_kind::entry) {
                continue;  // what belongs to one resource, not several resources
            }
            if (source.path.fans_out() || b.variables[i].values.size() > 1) {
                return true;
            }
        }
        return false;
    });
}

std::chrono::milliseconds mutation_scope::settle() const {
    std::chrono::milliseconds longest{0};
    for (auto const* p : purges_) {
        longest = std::max(longest, p->definition.settle);
    }
    return longest;
}

bool mutation_scope::is_unchanged(unsigned status) const {
    auto const is_in = [status](auto const& list) {
        return std::find(list.begin(), list.end(), status) != list.end();
    };
    bool const by_default = is_in(unchanged) && !(fans_out() && is_in(partly));
    if (!matched()) {
        return by_default;
    }
    return std::all_of(purges_.begin(), purges_.end(), [&](purge const* p) {
        auto const& own = p->definition.unchanged_statuses;
        return own ? is_in(*own) : by_default;
    });
}

std::vector<planned_mark> mutation_scope::collect(bool is_begin) const {
    std::vector<planned_mark> out;
    out.reserve(path_tags_.size());
    for (auto const& tag : path_tags_) {
        out.push_back({tag, mark_kind::marker, {}});
    }
    if (!is_begin) {
        for (auto const& tag : answer_tags_) {
            out.push_back({tag, mark_kind::marker, {}});
        }
    }
    for (auto const& b : bindings_) {
        for (auto const& p : b.compiled->patterns) {
            std::uint64_t mask = 0;
            bool waits_for_entry = false;
            bool waits_for_response = false;
            std::uint64_t told_by_entries = 0;
            for (std::size_t i = 0; i < p.variables.size(); ++i) {
                auto const what = b.variables[p.variables[i]].what;
                if (what != state_kind::known) {
                    mask |= std::uint64_t{1} << i;
                }
                waits_for_entry = waits_for_entry || what == state_kind::entry;
                waits_for_response = waits_for_response || what == state_kind::response;
                auto const& source = b.compiled->variables[p.variables[i]].source;
                if (source.what == source_kind::entry) {
                    told_by_entries |= std::uint64_t{1} << i;
                }
            }
            if (is_begin && told_by_entries != 0) {
                // What an entry told may be out of date by the time of the commit. Should nobody
                // be left then to look again, the deadline takes everything.
                add_tags(
                    out, *compiled_, p, b.variables, mask | told_by_entries, mark_kind::intent);
            }
            if (is_begin && waits_for_entry) {
                continue;
            }
            auto const kind =
                is_begin && waits_for_response ? mark_kind::intent : mark_kind::marker;
            add_tags(out, *compiled_, p, b.variables, mask, kind);
        }
    }
    sort_and_merge(out);
    return out;
}

std::vector<planned_mark> mutation_scope::marks() const {
    return collect(true);
}

std::vector<planned_mark> mutation_scope::changed() const {
    return collect(false);
}

void mutation_scope::refresh_variables(entry_target const& changed) {
    auto const is_sibling = [&](entry_target const& t) {
        return t.binding == changed.binding && t.need == changed.need;
    };
    auto const is_open = [&](entry_target const& t) {
        return is_sibling(t) && t.what == entry_target::state::pending;
    };
    if (std::any_of(targets_.begin(), targets_.end(), is_open)) {
        return;  // until the last one has told, the variables stay open
    }
    auto& b = bindings_[changed.binding];
    auto const& tells = b.compiled->entries[changed.need].tells;
    for (std::size_t i = 0; i < tells.size(); ++i) {
        bool known = true;
        std::vector<std::string> values;
        for (auto const& t : targets_) {
            if (!is_sibling(t)) {
                continue;
            }
            known =
                known && t.what == entry_target::state::told && t.told[i].what == state_kind::known;
            if (known) {
                values.insert(values.end(), t.told[i].values.begin(), t.told[i].values.end());
            }
        }
        b.variables[tells[i]] = known ? variable_state::of(std::move(values)) : variable_state();
    }
}

void mutation_scope::resolve_entry(std::size_t i, std::optional<std::string_view> body) {
    auto& target = targets_[i];
    auto const& purge = *bindings_[target.binding].compiled;
    auto const& tells = purge.entries[target.need].tells;
    target.told.assign(tells.size(), {});
    if (body) {
        std::vector<json_path const*> paths;
        paths.reserve(tells.size());
        for (auto const v : tells) {
            paths.push_back(&purge.variables[v].source.path);
        }
        auto const read = read_json(*body, paths);
        for (std::size_t t = 0; t < tells.size(); ++t) {
            target.told[t] = variable_state::of(read[t], purge.variables[tells[t]]);
        }
    }
    if (target.what == entry_target::state::pending) {
        target.what = entry_target::state::told;
    }
    refresh_variables(target);
}

void mutation_scope::distrust_entry(std::size_t i) {
    targets_[i].what = entry_target::state::distrusted;
    refresh_variables(targets_[i]);
}

bool mutation_scope::needs_response() const {
    return std::any_of(bindings_.begin(), bindings_.end(), [](binding const& b) {
        return std::any_of(b.variables.begin(), b.variables.end(), [](variable_state const& v) {
            return v.what == state_kind::response;
        });
    });
}

bool mutation_scope::reads_answer() const {
    return compiled_ != nullptr && compiled_->has_origin;
}

bool mutation_scope::resolve_answer(http_cache::also_stale const& named) {
    for (auto const& path : named.paths) {
        answer_tags_.push_back(rule_set::path_tag(path));
    }
    auto const& groups = named.groups;
    for (std::size_t i = 0; groups.is_unreadable && i < compiled_->rules.size(); ++i) {
        if (compiled_->rules[i].definition.origin) {
            answer_tags_.push_back(compiled_->compiled_rules[i].tag);
        }
    }
    if (groups.tags.empty()) {
        return false;
    }
    answer_tags_.insert(answer_tags_.end(), groups.tags.begin(), groups.tags.end());
    answer_tags_.emplace_back(http_cache::any_group);
    return true;
}

void mutation_scope::resolve_response(std::optional<std::string_view> body) {
    for (auto& b : bindings_) {
        take_json(b.variables, *b.compiled, source_kind::response, body);
    }
}

}  // namespace sidecache::rules
