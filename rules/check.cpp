#include "rules/compile.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

std::string in_words(position at) {
    return at.line == 0 ? std::string() : " (line " + std::to_string(at.line) + ")";
}

std::string named(rule const& r) {
    return "rule `" + r.definition.name.value + "`" + in_words(r.definition.name.at);
}

void check_reachable(rule_set::compiled const& c, report& out) {
    for (std::size_t later = 0; later < c.rules.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            auto const& a = c.compiled_rules[earlier];
            auto const& b = c.compiled_rules[later];
            if (!a.broken && !b.broken && a.path.covers(b.path)) {
                auto const& text = c.rules[later].definition;
                out.error(text.match.at,
                          "rule `" + text.name.value + "` is never reached: " +
                              named(c.rules[earlier]) + " matches each of its requests first",
                          "put it before that rule, or remove one of them");
                break;
            }
        }
    }
}

void check_keys(rule_set::compiled const& c, report& out) {
    for (std::size_t i = 0; i < c.rules.size(); ++i) {
        auto const& a = c.compiled_rules[i];
        for (std::size_t j = 0; j < c.rules.size(); ++j) {
            auto const& b = c.compiled_rules[j];
            if (a.broken || b.broken) {
                continue;
            }
            auto const& text = c.rules[i].definition;
            // Keys that hold the whole target are of one rule each: the first that matches it.
            bool const both_hold_target = a.holds_target && b.holds_target;
            if (j < i && !both_hold_target && can_collide(a.key, b.key)) {
                out.error(text.key.at,
                          "rule `" + text.name.value + "` and " + named(c.rules[j]) +
                              " can render the same key",
                          "begin one of them with another literal, or give it one segment more");
            }
            if (text.lock && a.lock_key && can_collide(*a.lock_key, b.key)) {
                out.error(text.lock->key.at,
                          "the lock key of rule `" + text.name.value + "` can be the key of " +
                              named(c.rules[j]),
                          "end it with a literal of its own, as in `product:{id}:lock`");
            }
        }
    }
}

void check_patterns(rule_set::compiled const& c, report& out) {
    bool const all_rules = std::none_of(
        c.compiled_rules.begin(), c.compiled_rules.end(), [](auto const& r) { return r.broken; });
    for (std::size_t i = 0; all_rules && i < c.purges.size(); ++i) {
        if (c.compiled_purges[i].broken) {
            continue;
        }
        for (auto const& p : c.compiled_purges[i].patterns) {
            auto const* exact = p.find(0);
            if (exact != nullptr && !exact->carried && exact->whole_rules.empty()) {
                out.error(p.at,
                          "no rule's key can match the pattern '" + p.pattern.text() + "'",
                          "compare it with the rules' keys segment by segment; '*' at the end "
                          "begins at a ':'");
            }
        }
    }
}

void check_coverage(rule_set::compiled const& c, report& out) {
    bool const all_purges = std::none_of(
        c.compiled_purges.begin(), c.compiled_purges.end(), [](auto const& p) { return p.broken; });
    if (!all_purges) {
        return;
    }
    for (std::size_t i = 0; i < c.rules.size(); ++i) {
        auto const& text = c.rules[i].definition;
        if (c.compiled_rules[i].broken || text.origin) {
            continue;
        }
        bool const reached =
            std::any_of(c.compiled_purges.begin(), c.compiled_purges.end(), [&](auto const& p) {
                return std::any_of(p.patterns.begin(), p.patterns.end(), [&](auto const& each) {
                    return std::find(each.reached.begin(), each.reached.end(), i) !=
                           each.reached.end();
                });
            });
        if (!reached && !text.ttl_only) {
            out.error(text.name.at,
                      "no purge reaches the entries of rule `" + text.name.value +
                          "`: a change would stay unseen until their time is over",
                      "add a purge with a pattern that matches '" + text.key.value +
                          "', or say `ttl_only: true` if that is meant");
        } else if (reached && text.ttl_only) {
            out.warning(text.name.at,
                        "rule `" + text.name.value +
                            "` says `ttl_only: true`, but a purge reaches its entries",
                        "remove `ttl_only: true`");
        }
    }
}

}  // namespace

void check(rule_set::compiled const& c, report& out) {
    check_reachable(c, out);
    check_keys(c, out);
    check_patterns(c, out);
    check_coverage(c, out);
}

}  // namespace sidecache::rules
