#pragma once

#include "proxy/cache/mutation_machine.hpp"
#include "proxy/store/entry_codec.hpp"
#include "tests/rules/definitions.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// A mutation machine and the store it talks of, as a test scripts them: each call tells the
/// machine what happened and returns what it wants next, in words:
///
///     begin m product:42* i rule:schema-products     look 0
///     publish product:42*                            wait 560ms
///     wait 560ms covering product:42*                forward
///     verify                                         (who the server is)
///     end b product:42* c rule:schema-products       (b bump, k bump and keep, c clear)
///     answer relay | failed | refuse                 ... owing product:42*
///     stream                                         finish
namespace sidecache::cache::mutation::test {

using namespace std::chrono_literals;
using namespace sidecache::rules::test;

class script {
public:
    /// The purge that fits `r`, by `d`'s rules.
    script(rules::definition const& d,
           a_request r,
           std::optional<std::string_view> body = std::string_view())
        : rules(compiled(d)), scope(rules->mutate(r.view(), body)) {
        how.lease = 500ms;
        how.margin = 5s;
        how.life = 35s;
        how.on_down_hold = 1s;
    }

    std::shared_ptr<rules::rule_set const> rules;
    rules::mutation_scope scope;
    policy how;

    // The world, as it is when the machine asks.
    time_point now{};
    store::id128 server{0, 1};
    std::map<std::string, std::uint64_t, std::less<>> generations;  // 1 unless named
    std::set<std::string, std::less<>> others;  // tags with a marker of another mutation
    std::optional<time_point> checked_at;       // who the server is; as replies come unless named
    bool foreign = false;
    bool foreign_at_end = false;
    std::vector<std::string> foreign_rules;

    // What the last action said.
    nanoseconds end_life{0};
    std::optional<owed_purge> owed;
    std::vector<store::end_mark> ending;
    std::vector<std::size_t> looks_along;  // with the last begin or end
    bool told_along = false;
    bool is_sent = false;  // of the last publish: the message went along before

    /// `guess`: what every entry seems to hold.
    std::string start(std::optional<std::string_view> guess = std::nullopt) {
        machine_.emplace(how, scope, *rules);
        std::vector<std::optional<std::string_view>> const guesses(scope.entry_lookups().size(),
                                                                   guess);
        return say(machine_->start(now, guesses));
    }
    std::string begun() {
        store::begun b;
        b.by.server = server;
        b.by.checked_at = checked_at.value_or(now);
        for (auto const& tag : marked_) {
            b.tags.push_back({generation(tag), others.contains(tag)});
        }
        b.foreign_fingerprint = foreign;
        b.foreign_rules = foreign_rules;
        return tell(mutation::begun{std::move(b)});
    }
    /// The server has answered who it is, just now; or has not.
    std::string verified(bool ok = true) {
        checked_at = now;
        return tell(mutation::verified{ok});
    }
    std::string begin_fails() {
        return tell(mutation::begun{make_error_code(store::store_error::timeout)});
    }
    /// The store holds `json` under the look-up's key, filled under today's generations, or under
    /// those given.
    std::string looked(std::optional<std::string> json,
                       std::map<std::string, std::uint64_t> filled_under = {}) {
        auto const& lookup = machine_->scope().entry_lookups()[look_];
        mutation::looked found;
        found.ok = true;
        found.server = server;
        found.server_now_ms = 1'000'000;
        store::entry entry;
        entry.full_key = lookup.full_key;
        entry.server = server;
        for (std::size_t i = 0; i < lookup.tags.size(); ++i) {
            auto const tag = lookup.tags[i];
            auto const old = filled_under.find(std::string(tag));
            entry.tags.push_back(
                {tag, old == filled_under.end() ? generation(tag) : id(old->second)});
            auto& read = found.tags.emplace_back();
            read.present = true;
            read.gen = generation(tag);
            read.markers = (others.contains(tag) ? 1 : 0) + (is_marked(tag) ? 1 : 0);
            read.marker = read.markers > 0;
        }
        if (json) {
            found.entry = &entry;
            found.json = *json;
        }
        return tell(std::move(found));
    }
    std::string look_fails() { return tell(mutation::looked{}); }
    std::string published() { return tell(mutation::published{server}); }
    /// The store did not take the message.
    std::string publish_fails() { return tell(mutation::published{server, false}); }
    std::string waited(nanoseconds passed = 0ns) {
        now += passed;
        return tell(mutation::waited{});
    }
    std::string renewal_due() { return tell(mutation::renewal_due{}); }
    std::string answered(unsigned status, std::optional<std::string_view> json = std::nullopt) {
        mutation::answered a;
        a.status = status;
        a.json = json;
        return tell(std::move(a));
    }
    std::string answered(mutation::answered a) { return tell(std::move(a)); }
    std::string unanswered(bool sent = true) {
        mutation::unanswered u;
        u.sent = sent;
        return tell(std::move(u));
    }
    std::string streamed(bool complete = true,
                         std::optional<rules::mutation_scope> other_rules = std::nullopt) {
        mutation::streamed s;
        s.complete = complete;
        s.other_rules = std::move(other_rules);
        return tell(std::move(s));
    }
    /// Every mark stood, but for those on `lost`.
    std::string ended(std::set<std::string> const& lost = {}) {
        store::ended e;
        e.by.server = server;
        e.by.checked_at = checked_at.value_or(now);
        for (auto const& m : ending) {
            auto const tag = std::string(m.tag);
            e.had_mark.push_back(is_marked(tag) && !lost.contains(tag));
        }
        e.foreign_fingerprint = foreign_at_end;
        e.foreign_rules = foreign_rules;
        return tell(mutation::ended{std::move(e)});
    }
    std::string end_fails() {
        return tell(mutation::ended{make_error_code(store::store_error::unreachable)});
    }
    std::string replied() { return tell(mutation::replied{}); }

    outcome result_of_forward() const { return machine_->result_of_forward(); }

private:
    static store::id128 id(std::uint64_t n) { return {n, n}; }
    store::generation generation(std::string_view tag) const {
        auto const at = generations.find(tag);
        return id(at == generations.end() ? 1 : at->second);
    }
    bool is_marked(std::string_view tag) const { return markers_.contains(tag); }
    std::string tell(event e) { return say(machine_->on(std::move(e), now)); }

    static std::string listed(std::vector<rules::planned_mark> const& marks) {
        std::string out;
        for (auto const& m : marks) {
            out += " " + m.tag;
        }
        return out;
    }
    static std::string owing(std::optional<owed_purge> const& o) {
        return o ? " owing" + listed(o->tags) : "";
    }

    std::string say(action a) {
        std::string out;
        if (auto const* b = std::get_if<do_begin>(&a)) {
            out = "begin";
            looks_along = b->lookups;
            told_along = !b->drop.empty();
            marked_.clear();
            for (auto const& m : b->marks) {
                out += std::string(" ") + static_cast<char>(m.kind) + " " + std::string(m.tag);
                marked_.emplace_back(m.tag);
                markers_.emplace(m.tag);
            }
        } else if (std::holds_alternative<do_verify>(a)) {
            out = "verify";
        } else if (auto const* l = std::get_if<do_look>(&a)) {
            look_ = l->lookup;
            out = "look " + std::to_string(look_);
        } else if (auto const* p = std::get_if<do_publish>(&a)) {
            out = "publish";
            is_sent = p->is_sent;
            for (auto const tag : p->tags) {
                out += " " + std::string(tag);
            }
        } else if (auto const* w = std::get_if<do_wait>(&a)) {
            out = "wait " +
                  std::to_string(
                      std::chrono::duration_cast<std::chrono::milliseconds>(w->how_long).count()) +
                  "ms";
            for (std::size_t i = 0; i < w->cover.size(); ++i) {
                out += (i == 0 ? " covering " : " ") + w->cover[i];
            }
        } else if (std::holds_alternative<do_forward>(a)) {
            out = "forward";
        } else if (std::holds_alternative<do_carry_on>(a)) {
            out = "carry on";
        } else if (auto const* e = std::get_if<do_end>(&a)) {
            out = "end";
            looks_along = e->lookups;
            told_along = !e->drop.empty();
            ending = e->marks;
            end_life = e->life;
            for (auto const& m : e->marks) {
                out += std::string(" ") + static_cast<char>(m.action) + " " + std::string(m.tag);
            }
        } else if (auto const* r = std::get_if<do_answer>(&a)) {
            owed = r->owed;
            using kind = do_answer::kind;
            out = r->what == kind::relay    ? "answer relay"
                  : r->what == kind::failed ? "answer failed"
                                            : "answer refuse";
            out += owing(r->owed);
        } else if (auto const* s = std::get_if<do_stream>(&a)) {
            owed = s->owed;
            out = "stream" + owing(s->owed);
        } else {
            owed = std::get<do_finish>(a).owed;
            out = "finish" + owing(owed);
        }
        return out;
    }

    std::optional<machine> machine_;
    std::vector<std::string> marked_;             // by the last begin, in order
    std::set<std::string, std::less<>> markers_;  // by any begin
    std::size_t look_ = 0;
};

/// One rule, one purge that names one tag.
inline rules::definition one_tag() {
    rules::definition d;
    d.rules.push_back(a_rule("product-details", "GET /products/{id}", "product:{id}:details"));
    d.purges.push_back(a_purge(
        "product-changed", {"PUT /products/{id}", "DELETE /products/{id}"}, {"product:{id}*"}));
    return d;
}

/// A product lives in a schema: the new one is told by the response, the old one by the entry.
inline rules::definition moving() {
    auto d = one_tag();
    d.rules.push_back(a_rule(
        "schema-products", "GET /schemas/{schemaId}/products", "schema:{schemaId}:products"));
    d.purges[0].patterns.push_back({"schema:{old}:products", {}});
    d.purges[0].patterns.push_back({"schema:{new}:products", {}});
    d.purges[0].vars =
        variables({{"old", "entry.product-details.schemaId"}, {"new", "response.schemaId"}});
    return d;
}

/// The id of what is created is known from the response only.
inline rules::definition told_by_the_response() {
    auto d = one_tag();
    d.purges[0] = a_purge(
        "product-changed", {"PUT /products/{any}"}, {"product:{id}*"}, {{"id", "response.id"}});
    return d;
}

inline a_request put_42() {
    return {"PUT", "/products/42"};
}

}  // namespace sidecache::cache::mutation::test
