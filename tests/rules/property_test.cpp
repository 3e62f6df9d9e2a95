// Random rules, purges and values: what the compiled tags say must be what the words of design.md
// section 1 say about patterns and keys. The words are written down here a second time, naively.
#include "rules/mutation_scope.hpp"
#include "rules/unify.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

using texts = std::vector<std::string>;

namespace {

texts split(std::string const& text) {
    texts out{""};
    for (char const c : text) {
        if (c == ':') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

/// "Inside, `*` is one segment; at the end, any rest from a segment boundary on, the empty one
/// too."
bool naively_matches(std::string pattern, std::string const& key) {
    bool const rest = pattern.ends_with('*');
    bool const from_next = !rest || !(pattern == "*" || pattern.ends_with(":*"));
    if (rest && from_next) {
        pattern.pop_back();
    }
    auto const want = split(pattern);
    auto const have = split(key);
    if (rest ? have.size() < want.size() : have.size() != want.size()) {
        return false;
    }
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (want[i] != "*" && want[i] != have[i]) {
            return false;
        }
    }
    return true;
}

/// Values that are easily mistaken for syntax or for one another, and what they escape to.
std::vector<std::pair<std::string, std::string>> const values{
    {"1", "1"},
    {"12", "12"},
    {"a", "a"},
    {"b", "b"},
    {"*", "%2A"},
    {"1:a", "1%3Aa"},
    {":", "%3A"},
    {"a*", "a%2A"},
    {"%3A", "%253A"},
    {"|", "%7C"},
    {"xa", "xa"},
};

class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }

    /// A key template over some of the variables; each is used at most once.
    std::string key(texts const& variables) {
        std::string out;
        auto const n = 1 + below(4);
        std::size_t next = 0;
        for (std::size_t i = 0; i < n; ++i) {
            out += i == 0 ? "" : ":";
            if (i > 0 && next < variables.size() && below(2) == 0) {
                out += (below(5) == 0 ? "x" : "") + ("{" + variables[next++] + "}");
            } else {
                out += literal();
            }
        }
        return out;
    }

    std::string pattern(texts const& variables) {
        std::string out;
        auto const n = 1 + below(4);
        for (std::size_t i = 0; i < n; ++i) {
            out += i == 0 ? "" : ":";
            auto const what = below(10);
            if (what < 4) {
                out += literal();
            } else if (what < 8) {
                out +=
                    (below(5) == 0 ? "x" : "") + ("{" + variables[below(variables.size())] + "}");
            } else {
                out += "*";
            }
        }
        if (!out.ends_with('*') && below(3) == 0) {
            out += below(2) == 0 ? "*" : ":*";
        }
        return out;
    }

private:
    std::string literal() { return texts{"a", "b", "1", "xa"}[below(4)]; }
    std::mt19937 random_;
};

texts variables_of(std::string const& text) {
    texts out;
    for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
        out.push_back(text.substr(at + 1, text.find('}', at) - at - 1));
    }
    return out;
}

std::string percent_encoded(std::string const& value) {
    std::string out;
    for (char const c : value) {
        out += "%";
        out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4U];
        out += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15U];
    }
    return out;
}

std::string json_string(std::string const& value) {
    return "\"" + value + "\"";  // none of `values` holds what JSON escapes
}

/// `pattern` with `told` filled in, escaped, and every other variable widened by the words: with
/// its whole segment it becomes '*'.
std::string naively_rendered(std::string const& pattern,
                             std::map<std::string, std::string> const& told) {
    std::string out;
    auto const segments = split(pattern);
    for (auto const& segment : segments) {
        out += &segment == &segments.front() ? "" : ":";
        auto const names = variables_of(segment);
        if (names.empty()) {
            out += segment;
            continue;
        }
        auto const open = segment.find('{');
        auto const close = segment.find('}');
        auto const known = told.find(names[0]);
        out += known == told.end()
                   ? "*"
                   : segment.substr(0, open) + known->second + segment.substr(close + 1);
    }
    return out;
}

}  // namespace

TEST_CASE("property: an entry has a tag that a purge bumps iff the pattern matches its key") {
    auto const seed = std::random_device()();
    CAPTURE(seed);
    generator random(seed);
    std::size_t compiled_count = 0;
    std::size_t reached_count = 0;
    for (int round = 0; round < 3'000; ++round) {
        // One to three rules with distinct paths, one purge whose variables come from its body.
        definition d;
        std::vector<texts> used;
        auto const rules_count = 1 + random.below(3);
        for (std::size_t i = 0; i < rules_count; ++i) {
            auto const key = random.key({"a", "b", "c"});
            used.push_back(variables_of(key));
            std::string match = "GET /r" + std::to_string(i);
            for (auto const& name : used.back()) {
                match += "/{" + name + "}";
            }
            d.rules.push_back(a_rule("r" + std::to_string(i), match, key));
        }
        auto const pattern = random.pattern({"p", "q"});
        std::vector<var> vars;
        for (auto const& name : variables_of(pattern)) {
            bool const known =
                std::any_of(vars.begin(), vars.end(), [&](var const& v) { return v.name == name; });
            if (!known) {
                vars.push_back({name, "body." + name});
            }
        }
        d.purges.push_back(a_purge("p", {"POST /p"}, {pattern}, vars));
        // Whatever no pattern reaches is not this property's concern.
        for (auto& rule : d.rules) {
            rule.ttl_only = true;
        }
        auto const c = rule_set::compile(d);
        if (!c.rules) {
            continue;  // colliding keys, or a pattern without keys: the compiler has said so
        }
        ++compiled_count;

        for (int tries = 0; tries < 12; ++tries) {
            // The purge: each variable told, or not.
            std::map<std::string, std::string> told;
            std::string body = "{";
            for (auto const& v : vars) {
                if (random.below(4) != 0) {
                    auto const& [value, text] = values[random.below(values.size())];
                    told[v.name] = text;
                    body += (body.size() > 1 ? "," : "") + json_string(v.name) + ":" +
                            json_string(value);
                }
            }
            body += "}";
            a_request post("POST", "/p");
            auto const changed = c.rules->mutate(post.view(), body).changed();
            auto const rendered = naively_rendered(pattern, told);

            // An entry of some rule.
            auto const i = random.below(rules_count);
            std::string target = "/r" + std::to_string(i);
            std::map<std::string, std::string> in_key;
            for (auto const& name : used[i]) {
                auto const& [value, text] = values[random.below(values.size())];
                in_key[name] = text;
                target += "/" + percent_encoded(value);
            }
            auto const entry = decided(*c.rules, {"GET", target});
            REQUIRE(entry.what == verdict::serve);
            REQUIRE(entry.key == naively_rendered(d.rules[i].key.value, in_key));

            auto const tags = list(entry.tags);
            REQUIRE(std::set<std::string>(tags.begin(), tags.end()).size() == tags.size());
            bool const bumped = std::any_of(changed.begin(), changed.end(), [&](auto const& m) {
                return std::find(tags.begin(), tags.end(), m.tag) != tags.end();
            });
            CAPTURE(pattern);
            CAPTURE(rendered);
            CAPTURE(d.rules[i].key.value);
            CAPTURE(entry.key);
            CAPTURE(tags);
            REQUIRE(bumped == naively_matches(rendered, entry.key));
            reached_count += bumped ? 1 : 0;

            // The same pattern typed by hand reaches at least as much.
            auto const covering = c.rules->tags_covering(rendered);
            if (bumped) {
                REQUIRE(std::holds_alternative<texts>(covering));
                auto const& by_hand = std::get<texts>(covering);
                REQUIRE(std::any_of(by_hand.begin(), by_hand.end(), [&](auto const& tag) {
                    return std::find(tags.begin(), tags.end(), tag) != tags.end();
                }));
            }
        }
    }
    // The generator must not have made everything trivial.
    CHECK(compiled_count > 100);
    CHECK(reached_count > 100);
}

TEST_CASE("property: templates that some values render to one key are found to collide") {
    auto const seed = std::random_device()();
    CAPTURE(seed);
    generator random(seed);
    std::size_t collisions = 0;
    for (int round = 0; round < 3'000; ++round) {
        auto const a = random.key({"x", "y"});
        auto const b = random.key({"x", "y"});
        auto const ka = std::get<key_template>(key_template::parse(a));
        auto const kb = std::get<key_template>(key_template::parse(b));
        bool met = false;
        for (int tries = 0; tries < 200 && !met; ++tries) {
            auto const some = [&](key_template const& k) {
                texts out;
                for (std::size_t i = 0; i < k.variables.size(); ++i) {
                    out.push_back(values[random.below(values.size())].first);
                }
                return out;
            };
            met = render(ka, some(ka)) == render(kb, some(kb));
        }
        CAPTURE(a);
        CAPTURE(b);
        if (met) {
            REQUIRE(can_collide(ka, kb));
            ++collisions;
        }
    }
    CHECK(collisions > 20);
}
