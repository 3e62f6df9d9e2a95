// Routes with unsafe methods become purges, whose patterns are made of the rules' own keys: what is
// proposed always reaches what it is meant for.
#include "config/init/effect.hpp"
#include "config/init/proposal.hpp"
#include "config/init/words.hpp"
#include "rules/key_template.hpp"
#include "rules/path_template.hpp"
#include "rules/pattern.hpp"
#include "rules/unify.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

namespace sidecache::config::init {
namespace {

using std::string_view;
using sort = effect::sort;

constexpr std::size_t longest_name = 40;

/// One rule's entries that a write reaches: what stands for each part of the key's path.
struct target {
    std::size_t rule = 0;
    std::vector<std::string> parts;  // "product", "{id}", "*"
    std::size_t least = 0;           // so many of them at least make the pattern
};

bool is_of_same_kind(string_view member, step const& parent) {
    auto const word = bare(member);
    return word == bare(parent.variable) || word == parent.kind + "id";
}

/// Whether one pattern covers another, part by part.
bool covers(rules::pattern const& a, rules::pattern const& b) {
    if (a.rest ? a.segments.size() > b.segments.size()
               : a.segments.size() != b.segments.size() || b.rest) {
        return false;
    }
    auto const text = [](rules::pattern const& p, std::size_t i) {
        auto const& s = p.segments[i];
        return s.what == rules::segment::kind::variable ? "{" + p.variables[s.variable] + "}"
                                                        : s.prefix;
    };
    for (std::size_t i = 0; i < a.segments.size(); ++i) {
        bool const is_any = a.segments[i].what == rules::segment::kind::any;
        bool const is_same =
            b.segments[i].what != rules::segment::kind::any && text(a, i) == text(b, i);
        if (!is_any && !is_same) {
            return false;
        }
    }
    return true;
}

class drafter {
public:
    drafter(api const& all, std::size_t skip, proposal& out)
        : all_(all), skip_(skip), out_(out), known_(all, skip) {
        for (auto const& rule : out.rules) {
            auto key = rules::key_template::parse(rule.key());
            keys_.push_back(std::get<rules::key_template>(std::move(key)));
        }
    }

    void draft() {
        for (std::size_t i = 0; i < all_.operations.size(); ++i) {
            if (all_.operations[i].method != "GET") {
                out_.has_writes = true;
                draft(i);
            }
        }
        for (std::size_t r = 0; r < out_.rules.size(); ++r) {
            out_.rules[r].is_ttl_only = !reached_.contains(r);
        }
    }

private:
    void draft(std::size_t index) {
        auto const& o = all_.operations[index];
        string_view path = o.path;
        while (path.size() > 1 && path.ends_with('/')) {
            path.remove_suffix(1);  // writes match with a slash at the end as well
        }
        auto const shape = shape_of_path(path, skip_);
        if (!shape.problem.empty()) {
            out_.writes.push_back({index, shape.problem});
            return;
        }
        auto const what = effect_of(o, shape.steps, known_);
        vars_.clear();
        widened_.clear();
        taken_ = variables_of(shape.path);
        std::vector<target> targets;
        for (auto const& c : what.changes) {
            for (std::size_t r = 0; r < out_.rules.size(); ++r) {
                find(o, shape, c, r, targets);
            }
        }
        if (targets.empty()) {
            out_.writes.push_back(
                {index,
                 what.what == sort::question
                     ? "it reads like a question; if it changes something, add one"
                     : "nothing that is cached seems to depend on it"});
            return;
        }
        put(index, shape, what, patterns(targets));
    }

    static std::vector<std::string> variables_of(std::string const& path) {
        auto const parsed = rules::path_template::parse(path);
        auto names = std::get<rules::path_template>(parsed).variables();
        names.emplace_back(bulk_variable);
        return names;
    }

    /// The entries of one rule that a change reaches.
    void find(operation const& o,
              route_shape const& shape,
              change const& c,
              std::size_t r,
              std::vector<target>& out) {
        auto const& steps = out_.rules[r].shape.steps;
        if (c.of == change::what::document) {
            if (!steps.empty() && signature(steps, steps.size() - 1, true) == c.at) {
                out.push_back(bound(o, shape, c, r, steps.size() - 1));
            }
            return;
        }
        bool const wants_items = c.of != change::what::lists;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (steps[i].kind != c.kind || steps[i].has_variable() != wants_items) {
                continue;
            }
            bool const has_next = i + 1 < steps.size();
            if (wants_items) {
                // Items of the kind that changed are told by a change of their own.
                bool const is_other =
                    c.of == change::what::parent && has_next &&
                    (steps[i + 1].kind == c.because_of ? steps[i + 1].has_variable()
                                                       : known_.is_collection(steps, i + 1));
                if (!is_other) {
                    out.push_back(bound(o, shape, c, r, i));
                }
            } else if (std::none_of(steps.begin() + static_cast<std::ptrdiff_t>(i),
                                    steps.end(),
                                    [](step const& s) { return s.has_variable(); })) {
                out.push_back(bound(o, shape, c, r, i));
                return;
            }
        }
    }

    target bound(operation const& o,
                 route_shape const& shape,
                 change const& c,
                 std::size_t r,
                 std::size_t at) {
        auto const& rule = out_.rules[r];
        target out{r, {}, 0};
        for (auto const& part : rule.path_part) {
            if (part.variable.empty()) {
                out.parts.push_back(part.literal);
            } else if (part.step == no_step) {
                bool const is_here =
                    shape.path.find("{" + part.variable + "}") != std::string::npos;
                out.parts.push_back(is_here ? "{" + part.variable + "}" : "*");
            } else if (part.step == at && c.of != change::what::lists) {
                out.parts.push_back(c.named_by.empty() ? "*" : "{" + c.named_by + "}");
            } else {
                out.parts.push_back(value_of(o, shape.steps, c, rule.shape.steps, part.step));
            }
            if (part.step <= at || part.step == no_step || c.of == change::what::document) {
                out.least = out.parts.size();
            }
        }
        return out;
    }

    /// What a write knows of a variable of a rule's path, other than of what changes.
    std::string value_of(operation const& o,
                         std::vector<step> const& ours,
                         change const& c,
                         std::vector<step> const& theirs,
                         std::size_t at) {
        auto const& wanted = theirs[at];
        auto const is_same = [&](step const& s) {
            return s.kind == wanted.kind && s.has_variable();
        };
        auto const in_body = std::ranges::find_if(
            o.body_members, [&](std::string const& m) { return is_of_same_kind(m, wanted); });
        bool const is_listed = c.of == change::what::lists && in_body != o.body_members.end();
        if (std::ranges::count_if(ours, is_same) == 1 &&
            std::ranges::count_if(theirs, is_same) == 1) {
            // A change may move a thing to another owner: the old one is in the path, or not.
            return is_listed && o.method != "POST"
                       ? std::string("*")
                       : "{" + std::ranges::find_if(ours, is_same)->variable + "}";
        }
        bool const is_new =
            o.method == "POST" && c.kind == ours.back().kind && !ours.back().has_variable();
        if (is_listed && is_new) {
            return "{" + body_variable(*in_body) + "}";
        }
        if (c.of == change::what::lists) {
            widened_.insert(wanted.word);
        }
        return "*";
    }

    std::string body_variable(std::string const& member) {
        auto const from = "body." + member;
        for (auto const& v : vars_) {
            if (v.from == from) {
                return v.name;
            }
        }
        auto name = unique_name(variable_name(member), taken_);
        vars_.push_back({name, from, std::nullopt});
        return name;
    }

    static std::string joined(std::vector<std::string> const& parts, std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) {
            out += (i == 0 ? "" : ":") + parts[i];
        }
        return out;
    }

    /// Which rules a pattern reaches. The same patterns come again and again.
    std::vector<std::size_t> const& reached_by(std::string const& text) {
        auto const [place, is_new] = reaching_.try_emplace(text);
        if (is_new) {
            auto const parsed = rules::pattern::parse(text);
            if (auto const* p = std::get_if<rules::pattern>(&parsed)) {
                for (std::size_t r = 0; r < keys_.size(); ++r) {
                    if (rules::unify(*p, keys_[r]).what != rules::reach::none) {
                        place->second.push_back(r);
                    }
                }
            }
        }
        return place->second;
    }

    /// The widest pattern for a target that reaches nothing but targets.
    std::string pattern_of(target const& t, std::set<std::size_t> const& wanted) {
        for (auto count = std::max<std::size_t>(t.least, 1); count <= t.parts.size(); ++count) {
            auto const text = joined(t.parts, count) + (t.parts[count - 1] == "*" ? "" : "*");
            if (std::ranges::all_of(reached_by(text),
                                    [&](std::size_t r) { return wanted.contains(r); })) {
                return text;
            }
        }
        auto const& rest = out_.rules[t.rule].rest;
        auto const whole = joined(t.parts, t.parts.size());
        return rest.empty() ? whole : whole + ":" + rest.front().literal + ":*";
    }

    std::vector<std::string> patterns(std::vector<target> const& targets) {
        std::set<std::size_t> wanted;
        for (auto const& t : targets) {
            wanted.insert(t.rule);
        }
        std::vector<std::string> texts;
        std::vector<rules::pattern> parsed;
        for (auto const& t : targets) {
            auto text = pattern_of(t, wanted);
            auto p = std::get<rules::pattern>(rules::pattern::parse(text));
            if (std::ranges::any_of(parsed, [&](auto const& other) { return covers(other, p); })) {
                continue;
            }
            for (std::size_t i = parsed.size(); i-- > 0;) {
                if (covers(p, parsed[i])) {
                    parsed.erase(parsed.begin() + static_cast<std::ptrdiff_t>(i));
                    texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(i));
                }
            }
            parsed.push_back(std::move(p));
            texts.push_back(std::move(text));
        }
        for (auto const& text : texts) {
            auto const& reached = reached_by(text);
            reached_.insert(reached.begin(), reached.end());
        }
        return texts;
    }

    void put(std::size_t index,
             route_shape const& shape,
             effect const& what,
             std::vector<std::string> texts) {
        auto const& o = all_.operations[index];
        proposed_purge purge;
        purge.operations = {index};
        purge.on = {o.method + " " + shape.path};
        purge.patterns = std::move(texts);
        auto const is_used = [&](std::string const& name) {
            return std::ranges::any_of(purge.patterns, [&](std::string const& p) {
                return p.find("{" + name + "}") != std::string::npos;
            });
        };
        if (!what.bulk_from.empty() && is_used(bulk_variable)) {
            vars_.push_back({bulk_variable, what.bulk_from, std::nullopt});
        }
        for (auto& v : vars_) {
            if (is_used(v.name)) {
                purge.vars.push_back(std::move(v));
            }
        }
        purge.notes = notes(what, !purge.vars.empty());
        if (!merged(purge, shape)) {
            purge.name = unique_name(name_of(o, shape, what), names_);
            out_.purges.push_back(std::move(purge));
        }
    }

    static std::string words_of(route_shape const& shape, bool is_one) {
        std::string words;
        for (auto const& s : shape.steps) {
            words += (words.empty() ? "" : "-") +
                     (s.has_variable() || is_one ? singular(s.word) : s.word);
        }
        auto name = kebab(words);
        return name.empty() ? "root" : name;
    }

    std::vector<std::string> notes(effect const& what, bool has_vars) const {
        auto const subject = for_comment(what.subject);
        std::vector<std::string> out;
        switch (what.what) {
            case sort::created:
                out.push_back(
                    "One more " + subject +
                    ", or a change of what is there: lists may show it, and what it belongs to.");
                break;
            case sort::changed:
                out.push_back("The " + subject + ", what is below it, and lists that may show it.");
                break;
            case sort::part:
                out.push_back("The " + subject + ", and what it may be a part of.");
                break;
            case sort::action:
                out.push_back("Does something with one " + subject + ": taken for a change of it.");
                break;
            case sort::bulk:
                out.push_back(
                    !what.bulk_from.empty()
                        ? "Each " + subject + " that the body names; all, where it names none."
                        : "Which " + subject +
                              " it changes cannot be told from the file: all of them. Narrow "
                              "it with `vars` where you can.");
                break;
            case sort::question:
            case sort::nothing:
                break;
        }
        if (has_vars && what.bulk_from.empty()) {
            out.emplace_back("Check that the body says where it will be listed.");
        }
        if (!widened_.empty()) {
            std::string words;
            for (auto const& w : widened_) {
                words += (words.empty() ? "" : ", ") + for_comment(w);
            }
            out.push_back(
                "`*` reaches those of all " + words +
                ", since the request does not say which. To narrow it, take response.NAME "
                "or entry.RULE.NAME under `vars`.");
        }
        return out;
    }

    /// PUT, PATCH and DELETE of one path mostly reach the same.
    bool merged(proposed_purge const& purge, route_shape const& shape) {
        auto const path_of = [](std::string const& on) { return on.substr(on.find(' ') + 1); };
        for (auto& other : out_.purges) {
            auto const path = path_of(other.on.front());
            bool const is_same =
                other.patterns == purge.patterns && other.notes == purge.notes &&
                variables_of(path) == variables_of(shape.path) &&
                std::ranges::equal(other.vars, purge.vars, [](auto const& a, auto const& b) {
                    return a.name == b.name && a.from == b.from;
                });
            if (is_same) {
                other.operations.push_back(purge.operations.front());
                if (std::ranges::find(other.on, purge.on.front()) != other.on.end()) {
                    return true;  // `/products` and `/products/`
                }
                if (other.on.size() == 1) {
                    other.name = unique_name(
                        words_of(shape_of_path(path, skip_), false) + "-changed", names_);
                }
                other.on.push_back(purge.on.front());
                return true;
            }
        }
        return false;
    }

    static std::string name_of(operation const& o, route_shape const& shape, effect const& what) {
        auto name = kebab(o.id);
        if (!name.empty() && name.size() <= longest_name) {
            return name;
        }
        std::string const done = what.what == sort::action || what.what == sort::bulk ? "done"
                                 : o.method == "POST"                                 ? "created"
                                 : o.method == "DELETE"                               ? "deleted"
                                                                                      : "updated";
        return words_of(shape, what.what == sort::created) + "-" + done;
    }

    api const& all_;
    std::size_t skip_;
    proposal& out_;
    catalog known_;
    std::vector<rules::key_template> keys_;
    std::map<std::string, std::vector<std::size_t>, std::less<>> reaching_;
    std::set<std::size_t> reached_;
    std::vector<std::string> names_;
    std::vector<std::string> taken_;       // names of variables of the purge that is being made
    std::vector<proposed_variable> vars_;  // of the purge that is being made
    std::set<std::string> widened_;        // ... and of which owners it reaches all
};

}  // namespace

void propose_purges(api const& all, std::size_t skip, proposal& out) {
    drafter(all, skip, out).draft();
}

}  // namespace sidecache::config::init
