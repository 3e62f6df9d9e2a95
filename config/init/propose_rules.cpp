// GET routes become rules.
#include "config/init/proposal.hpp"
#include "config/init/words.hpp"
#include "rules/key_template.hpp"
#include "rules/path_template.hpp"
#include "rules/unify.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

namespace sidecache::config::init {
namespace {

using std::string_view;
using place = parameter::place;

constexpr std::size_t most_key_parameters = 12;
constexpr std::size_t longest_name = 40;

constexpr std::array<string_view, 17> passing_fields{"accept",
                                                     "contenttype",
                                                     "authorization",
                                                     "cookie",
                                                     "useragent",
                                                     "range",
                                                     "ifnonematch",
                                                     "ifmodifiedsince",
                                                     "ifmatch",
                                                     "ifunmodifiedsince",
                                                     "xrequestid",
                                                     "xcorrelationid",
                                                     "traceparent",
                                                     "tracestate",
                                                     "idempotencykey",
                                                     "cachecontrol",
                                                     "acceptencoding"};

bool is_secret(string_view name) {
    auto const word = bare(name);
    auto const holds = [&](string_view part) { return word.find(part) != word.npos; };
    bool const is_of_a_page =
        holds("page") || holds("next") || holds("continuation") || holds("sync") || holds("cursor");
    bool const is_whole = word == "auth" || word == "key" || word == "session" ||
                          word == "sessionid" || word == "sig" || word == "jwt";
    return is_whole ||
           (!is_of_a_page && (holds("token") || holds("secret") || holds("passw") ||
                              holds("apikey") || holds("signature") || holds("credential")));
}

bool is_field_name(string_view name) {
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

/// A name in a source: whatever YAML can hold in quotes.
bool is_printable(string_view name) {
    return std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7F; });
}

/// Why a route is not cached, from what it is; empty when it can be.
std::string obstacle(operation const& o, route_shape const& shape) {
    if (o.path.size() > 1 && o.path.ends_with('/')) {
        return "its path ends with '/': such requests are never cached";
    }
    if (!shape.problem.empty()) {
        return shape.problem;
    }
    if (o.caller == access::unseen) {
        return "callers are told apart by " + o.unseen +
               ", which no partition sees: add identity.probe with that field in `forward` first";
    }
    if (o.streams) {
        return "an event stream has no end";
    }
    if (o.has_body) {
        return "a GET with a body is never cached";
    }
    for (auto const& s : shape.steps) {
        if (!s.has_variable() && is_session_word(s.word)) {
            return "it is about sessions and credentials";
        }
    }
    if (!shape.steps.empty() && is_moment_word(shape.steps.back().word) &&
        !shape.steps.back().has_variable()) {
        return "it is about this moment";
    }
    for (auto const& p : o.parameters) {
        bool const is_seen =
            p.in == place::header &&
            std::ranges::find(passing_fields, bare(p.name)) != passing_fields.end();
        if ((p.in == place::query || p.in == place::header) && !is_seen && is_secret(p.name)) {
            return "the parameter " + for_comment(p.name) +
                   " looks like a credential, and keys can be seen in Redis";
        }
    }
    return {};
}

class drafter {
public:
    drafter(api const& all, std::size_t skip, proposal& out) : all_(all), skip_(skip), out_(out) {
        for (auto const& o : all.operations) {
            for (auto const& s : shape_of_path(o.path, skip).steps) {
                if (s.has_variable()) {
                    words_of_items_.insert(s.word);
                }
            }
        }
    }

    void draft() {
        for (std::size_t i = 0; i < all_.operations.size(); ++i) {
            auto const& o = all_.operations[i];
            if (o.method != "GET") {
                continue;
            }
            auto shape = shape_of_path(o.path, skip_);
            if (auto why = obstacle(o, shape); !why.empty()) {
                out_.reads.push_back({i, std::move(why)});
            } else {
                draft(i, std::move(shape));
            }
        }
        put_locks();
    }

private:
    void draft(std::size_t index, route_shape shape) {
        auto const& o = all_.operations[index];
        proposed_rule rule;
        rule.operation = index;
        rule.shape = std::move(shape);
        add_path(rule);
        rule.name = unique_name(name_of(o, rule.shape), names_);
        add_parameters(o, rule);
        choose(o, rule);
        if (!make_unique(rule)) {
            out_.reads.push_back({index, "no key could be found that is only its own"});
        } else if (!place_rule(std::move(rule))) {
            out_.reads.push_back({index, "another route with the same path comes first"});
        }
    }

    void add_path(proposed_rule& rule) {
        auto const& steps = rule.shape.steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            auto const& s = steps[i];
            bool const is_same_for_both =
                singular(s.word) == s.word && words_of_items_.contains(s.word);
            auto literal = s.has_variable()   ? key_literal(singular(s.word))
                           : is_same_for_both ? key_literal(s.word) + "-list"
                                              : key_literal(s.word);
            if (i == 0 && (literal == "path" || literal == "rule" || literal == "lock")) {
                literal += "-item";  // those words have a meaning among tags
            }
            rule.path_part.push_back({literal, {}, i});
            if (s.has_variable()) {
                rule.path_part.push_back({{}, s.variable, i});
            }
        }
        // A base path may hold variables as well: different paths never share a key.
        auto const parsed = rules::path_template::parse(rule.shape.path);
        for (auto const& name : std::get<rules::path_template>(parsed).variables()) {
            bool const is_there = std::ranges::any_of(
                rule.path_part, [&](key_part const& p) { return p.variable == name; });
            if (!is_there) {
                rule.path_part.insert(
                    rule.path_part.begin(),
                    {key_part{key_literal(name), {}, no_step}, key_part{{}, name, no_step}});
            }
        }
        if (rule.path_part.empty()) {
            rule.path_part.push_back({"root", {}, no_step});
        }
    }

    static std::string name_of(operation const& o, route_shape const& shape) {
        auto name = kebab(o.id);
        if (name.empty() || name.size() > longest_name) {
            std::string words;
            for (auto const& s : shape.steps) {
                words +=
                    (words.empty() ? "" : "-") + (s.has_variable() ? singular(s.word) : s.word);
            }
            name = kebab(words);
        }
        return name.empty() ? "root" : name;
    }

    void add_parameters(operation const& o, proposed_rule& rule) {
        auto const in_query = static_cast<std::size_t>(std::ranges::count_if(
            o.parameters, [](parameter const& p) { return p.in == place::query; }));
        rule.includes_query = in_query > most_key_parameters;
        if (rule.includes_query) {
            rule.notes.push_back("It takes " + std::to_string(in_query) +
                                 " query parameters: all that come are part of the key.");
        }
        std::vector<std::string> names;
        names.reserve(rule.path_part.size());
        for (auto const& part : rule.path_part) {
            names.push_back(part.variable);
        }
        for (auto const& p : o.parameters) {
            if (p.in == place::query && !rule.includes_query) {
                add_query(p, rule, names);
            } else if (p.in == place::header && is_field_name(p.name) &&
                       std::ranges::find(passing_fields, bare(p.name)) == passing_fields.end() &&
                       rule.vars.size() < 2 * most_key_parameters) {
                add_variable(p, "header.", rule, names);
            }
        }
    }

    void add_query(parameter const& p, proposed_rule& rule, std::vector<std::string>& names) {
        bool const has_parts = p.has_many && p.name.find('[') == std::string::npos;
        if (!is_printable(p.name)) {
            rule.notes.push_back("Requests with the parameter " + for_comment(p.name) +
                                 " bypass the cache: its name cannot be written here.");
            return;
        }
        if (has_parts) {
            rule.notes.push_back("Where " + for_comment(p.name) +
                                 " comes more than once the request bypasses the cache.");
        }
        rule.is_bounded = true;
        add_variable(p, "query.", rule, names);
    }

    static void add_variable(parameter const& p,
                             string_view source,
                             proposed_rule& rule,
                             std::vector<std::string>& names) {
        auto name = unique_name(variable_name(p.name), names);
        rule.rest.push_back({key_literal(p.name), {}, no_step});
        rule.rest.push_back({{}, name, no_step});
        auto fallback = p.fallback;
        if (!fallback && !p.is_required) {
            fallback.emplace();
        }
        rule.vars.push_back({std::move(name), std::string(source) + p.name, std::move(fallback)});
    }

    void choose(operation const& o, proposed_rule& rule) const {
        auto const& steps = rule.shape.steps;
        bool const is_item = !steps.empty() && steps.back().has_variable();
        bool const is_own = std::ranges::any_of(
            steps, [](step const& s) { return !s.has_variable() && is_own_word(s.word); });
        bool const searches = !steps.empty() && is_question_word(steps.back().word);
        rule.ttl = is_own || searches ? "1m" : is_item ? "10m" : "5m";
        bool const has_cookie = std::ranges::any_of(
            o.parameters, [](parameter const& p) { return p.in == place::cookie; });
        rule.is_public = o.caller == access::open && !is_own && !has_cookie;
        if (rule.is_public) {
            rule.notes.emplace_back(
                "The file says that it needs no credentials: the answer must be the same for all.");
        }
        rule.is_own = is_own;
        if (is_own) {
            rule.notes.emplace_back("It is about who asks: never say `partition: none` here.");
        }
        rule.is_bounded = rule.is_bounded || rule.includes_query;
    }

    static rules::key_template parsed(proposed_rule const& rule) {
        auto key = rules::key_template::parse(rule.key());
        auto* good = std::get_if<rules::key_template>(&key);
        return good == nullptr ? rules::key_template{} : std::move(*good);
    }

    /// Two rules must not render one key: where they could, the rule's name begins it.
    bool make_unique(proposed_rule& rule) {
        for (int tries = 0; tries < 3; ++tries) {
            auto const key = parsed(rule);
            bool const is_good = !key.segments.empty() &&
                                 std::ranges::none_of(keys_, [&](rules::key_template const& other) {
                                     return rules::can_collide(key, other);
                                 });
            if (is_good) {
                keys_.push_back(key);
                return true;
            }
            if (!key.segments.empty()) {
                rule.path_part.insert(rule.path_part.begin(),
                                      {key_literal(rule.name), {}, no_step});
            } else if (rule.includes_query || rule.rest.empty()) {
                return false;
            } else {  // more than a key may hold
                rule.rest.clear();
                rule.vars.clear();
                rule.includes_query = true;
            }
        }
        return false;
    }

    /// Before the first rule that would match its requests as well; in the file's order otherwise.
    bool place_rule(proposed_rule rule) {
        auto const path_of = [](proposed_rule const& r) {
            return std::get<rules::path_template>(rules::path_template::parse(r.shape.path));
        };
        auto const path = path_of(rule);
        auto const covers = [&](proposed_rule const& other) { return path_of(other).covers(path); };
        auto const first = std::ranges::find_if(out_.rules, covers);
        if (first != out_.rules.end() && path.covers(path_of(*first))) {
            keys_.pop_back();
            return false;
        }
        out_.rules.insert(first, std::move(rule));
        return true;
    }

    void put_locks() {
        for (auto& rule : out_.rules) {
            if (rule.shape.steps.empty() || !rule.shape.steps.back().has_variable()) {
                continue;
            }
            for (auto const& text : {rule.key() + ":lock", "lock:" + rule.key()}) {
                auto const lock = rules::key_template::parse(text);
                auto const* good = std::get_if<rules::key_template>(&lock);
                bool const is_free =
                    good != nullptr && std::ranges::none_of(keys_, [&](auto const& key) {
                        return rules::can_collide(*good, key);
                    });
                if (is_free) {
                    rule.lock_key = text;
                    break;
                }
            }
        }
    }

    api const& all_;
    std::size_t skip_;
    proposal& out_;
    std::set<std::string> words_of_items_;
    std::vector<std::string> names_;
    std::vector<rules::key_template> keys_;
};

}  // namespace

namespace {

/// What is about who asks and changes by no write that is known of is better asked for each time.
void leave_out_own(proposal& out) {
    std::erase_if(out.rules, [&](proposed_rule const& rule) {
        bool const is_left = rule.is_own && rule.is_ttl_only;
        if (is_left) {
            out.reads.push_back(
                {rule.operation,
                 "it is about who asks, and no write of the file seems to change it"});
        }
        return is_left;
    });
    std::ranges::sort(out.reads, {}, &left_out::operation);
}

}  // namespace

std::string proposed_rule::key() const {
    std::string out;
    for (auto const* parts : {&path_part, &rest}) {
        for (auto const& part : *parts) {
            out += out.empty() ? "" : ":";
            out += part.variable.empty() ? part.literal : "{" + part.variable + "}";
        }
    }
    return out;
}

std::string unique_name(std::string const& wanted, std::vector<std::string>& taken) {
    auto name = wanted;
    for (int i = 2; std::ranges::find(taken, name) != taken.end(); ++i) {
        name = wanted + (wanted.find('-') == std::string::npos ? "" : "-") + std::to_string(i);
    }
    taken.push_back(name);
    return name;
}

void propose_rules(api const& all, std::size_t skip, proposal& out) {
    drafter(all, skip, out).draft();
}

proposal propose(api const& all) {
    proposal out;
    auto const skip = shared_segments(all);
    propose_rules(all, skip, out);
    propose_purges(all, skip, out);
    leave_out_own(out);
    return out;
}

}  // namespace sidecache::config::init
