#include "tests/consistency/analysis.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

namespace sidecache::consistency {

namespace {

/// One committed state and from when on nothing older may be read.
struct state {
    commit what;
    ns settled = std::numeric_limits<ns>::max();    // answered to its writer (P1)
    ns abandoned = std::numeric_limits<ns>::max();  // never answered, and its marks are over (P3)
};

bool exists(state const& s) {
    return s.what.version != 0;
}

/// A moment from which on a read may show nothing older than a state.
struct floor_step {
    ns from = 0;
    std::size_t state = 0;
    bool abandoned = false;
};

/// A product's states; number 0 is "not created yet".
struct product_states {
    std::vector<state> states{state{}};
    std::map<std::int64_t, std::size_t> by_version;
    std::vector<floor_step> floors;  // by `from`, the states rising

    /// The last step that holds for a read that begins at `when`.
    floor_step floor_at(ns when) const {
        auto const after =
            std::upper_bound(floors.begin(), floors.end(), when, [](ns t, floor_step const& f) {
                return t < f.from;
            });
        // A step holds for reads that begin *after* it.
        return after == floors.begin() ? floor_step{} : *std::prev(after);
    }
};

std::string show(ns t) {
    return std::to_string(t / 1'000'000) + "." + std::to_string(t / 100'000 % 10) + " ms";
}

std::string_view path_of(register_kind k) {
    switch (k) {
        case register_kind::product:
            return "product";
        case register_kind::summary:
            return "summary of product";
        case register_kind::page:
            return "page of organization";
        case register_kind::organization:
            return "list of organization";
        case register_kind::schema:
            return "list of schema";
    }
    return "";
}

bool is_list(register_kind k) {
    return k != register_kind::product && k != register_kind::summary;
}

/// The products that a list may have to show at some moment: those whose first state in it has
/// begun, without those whose end has been answered. Asked with rising moments.
class scope {
public:
    void add(ns from, id product) { coming_.emplace_back(from, product); }
    void sort() { std::sort(coming_.begin(), coming_.end()); }
    std::set<id>& at(ns when) {
        for (; next_ < coming_.size() && coming_[next_].first <= when; ++next_) {
            active_.insert(coming_[next_].second);
        }
        return active_;
    }

private:
    std::vector<std::pair<ns, id>> coming_;
    std::size_t next_ = 0;
    std::set<id> active_;
};

class analysis {
public:
    analysis(history const& h, checks const& what) : h_(h), what_(what) {}

    verdict run() {
        collect_states();
        judge_writes();
        collect_floors();
        judge_reads();
        return std::move(out_);
    }

private:
    void collect_states() {
        first_ = h_.commits.empty() ? 0 : h_.commits.front().began;
        for (auto const& c : h_.commits) {
            auto& p = products_[c.product];
            if (c.version != 0) {
                p.by_version[c.version] = p.states.size();
                auto& where = by_price_[c.price_cents];
                where.emplace_back(c.product, p.states.size());
            }
            p.states.push_back({c});
        }
    }

    /// The states that a write made, one a product.
    std::vector<std::pair<id, std::size_t>> effects(write const& w) const {
        if (w.what != write::kind::deletion) {
            auto const found = by_price_.find(w.price_cents);
            return found == by_price_.end() ? std::vector<std::pair<id, std::size_t>>{}
                                            : found->second;
        }
        std::vector<std::pair<id, std::size_t>> out;
        for (auto const number : w.products) {
            auto const found = products_.find(number);
            if (found == products_.end()) {
                continue;
            }
            auto const& states = found->second.states;
            if (states.size() > 1 && !exists(states.back())) {
                out.emplace_back(number, states.size() - 1);
            }
        }
        return out;
    }

    void judge_writes() {
        for (auto const& w : h_.writes) {
            auto const done = effects(w);
            bool const acknowledged = w.status >= 200 && w.status < 300;
            if (w.what != write::kind::deletion) {
                if (done.size() > 1) {
                    report(violation::kind::repeated_update,
                           "the write of price " + std::to_string(w.price_cents) +
                               " was committed " + std::to_string(done.size()) + " times");
                }
                if (done.empty() && acknowledged) {
                    report(violation::kind::lost_update,
                           "the write of price " + std::to_string(w.price_cents) +
                               " was acknowledged, and never committed");
                }
                if (!done.empty() && w.refused) {
                    report(violation::kind::repeated_update,
                           "the write of price " + std::to_string(w.price_cents) +
                               " was refused, and committed all the same");
                }
            } else if (acknowledged && done.size() != w.products.size()) {
                report(violation::kind::lost_update,
                       "a deletion of " + std::to_string(w.products.size()) +
                           " products was acknowledged, and " + std::to_string(done.size()) +
                           " of them are gone");
            }
            for (auto const& [number, index] : done) {
                settle(products_[number].states[index], w, acknowledged);
            }
        }
        // What no request of ours did is the seeding: it was there before all.
        for (auto& [number, p] : products_) {
            for (auto& s : p.states) {
                if (s.what.began == 0 || s.what.done == 0) {
                    continue;
                }
                if (!written_.contains(&s)) {
                    s.settled = std::min(s.settled, s.what.done);
                }
            }
        }
    }

    void settle(state& s, write const& w, bool acknowledged) {
        written_.insert(&s);
        if (w.status != 0) {
            // What an answer of failure hides counts as far as it was committed by then.
            if (acknowledged || (s.what.done != 0 && s.what.done <= w.ended)) {
                s.settled = std::min(s.settled, w.ended);
                return;
            }
        }
        if (w.over != std::numeric_limits<ns>::max() && s.what.done != 0 && s.what.done <= w.over) {
            s.abandoned = std::min(s.abandoned, w.over);
        }
    }

    void collect_floors() {
        for (auto& [number, p] : products_) {
            std::vector<floor_step> steps;
            for (std::size_t i = 1; i < p.states.size(); ++i) {
                auto const& s = p.states[i];
                if (s.settled != std::numeric_limits<ns>::max()) {
                    steps.push_back({s.settled, i, false});
                }
                if (what_.abandoned && s.abandoned != std::numeric_limits<ns>::max()) {
                    steps.push_back({s.abandoned, i, true});
                }
            }
            std::sort(steps.begin(), steps.end(), [](floor_step const& a, floor_step const& b) {
                return std::tie(a.from, a.state) < std::tie(b.from, b.state);
            });
            for (auto const& step : steps) {
                if (p.floors.empty() || step.state > p.floors.back().state) {
                    p.floors.push_back(step);
                }
            }
        }
        for (auto const& [number, p] : products_) {
            for (auto const& s : p.states) {
                if (exists(s)) {
                    of_organization_[s.what.organization].add(s.what.began, number);
                    of_schema_[s.what.schema].add(s.what.began, number);
                }
            }
        }
        for (auto* const lists : {&of_organization_, &of_schema_}) {
            for (auto& [number, list] : *lists) {
                list.sort();
            }
        }
    }

    /// Reads in the order of their beginning, each after every one that had ended by then has left
    /// what it showed.
    void judge_reads() {
        std::vector<std::size_t> by_began, by_ended;
        for (std::size_t i = 0; i < h_.reads.size(); ++i) {
            auto const& r = h_.reads[i];
            if (r.status == 200 || r.status == 404) {
                by_began.push_back(i);
            } else {
                ++out_.unanswered;
            }
        }
        by_ended = by_began;
        std::sort(by_began.begin(), by_began.end(), [&](auto a, auto b) {
            return h_.reads[a].began < h_.reads[b].began;
        });
        std::sort(by_ended.begin(), by_ended.end(), [&](auto a, auto b) {
            return h_.reads[a].ended < h_.reads[b].ended;
        });
        std::unordered_map<std::size_t, std::vector<std::pair<product_states*, std::size_t>>>
            showed;
        auto next_ended = by_ended.begin();
        for (auto const i : by_began) {
            auto const& r = h_.reads[i];
            // A read that has begun is judged before it ends: each one here has been.
            for (; next_ended != by_ended.end() && h_.reads[*next_ended].ended < r.began;
                 ++next_ended) {
                auto const found = showed.find(*next_ended);
                if (found == showed.end()) {
                    continue;
                }
                for (auto const& [p, index] : found->second) {
                    auto& seen = seen_[p];
                    seen = std::max(seen, index);
                }
                showed.erase(found);
            }
            ++out_.checked;
            out_.hits += r.hit ? 1U : 0U;
            auto shown = judge(r);
            if (!shown.empty()) {
                showed.emplace(i, std::move(shown));
            }
        }
    }

    using showing = std::vector<std::pair<product_states*, std::size_t>>;

    showing judge(read const& r) {
        showing out;
        auto const& content = h_.contents[r.seen];
        if (!content.understood) {
            report(violation::kind::invented, say(r) + ": not an answer of the backend");
            return out;
        }
        if (!is_list(r.what)) {
            shown const* const one = content.products.empty() ? nullptr : &content.products.front();
            if (one != nullptr && one->product != r.of) {
                report(violation::kind::invented,
                       say(r) + ": shows product " + std::to_string(one->product));
                return out;
            }
            judge_one(r, r.of, one, out);
            return out;
        }
        if (r.status != 200) {
            report(violation::kind::invented, say(r) + ": " + std::to_string(r.status));
            return out;
        }
        std::set<id> in;
        for (auto const& s : content.products) {
            if (!in.insert(s.product).second) {
                report(violation::kind::invented,
                       say(r) + ": shows product " + std::to_string(s.product) + " twice");
            }
            judge_one(r, s.product, &s, out);
        }
        auto& lists = r.what == register_kind::schema ? of_schema_ : of_organization_;
        auto& expected = lists[r.of].at(r.began);
        for (auto i = expected.begin(); i != expected.end();) {
            auto const& p = products_.at(*i);
            auto const floor = p.floor_at(r.began).state;
            if (floor + 1 == p.states.size() && !exists(p.states.back())) {
                i = expected.erase(i);  // gone for good: whoever shows it is found out above
                continue;
            }
            if (content.complete && !in.contains(*i)) {
                judge_one(r, *i, nullptr, out);
            }
            ++i;
        }
        return out;
    }

    bool in_scope(read const& r, state const& s) const {
        if (!exists(s)) {
            return false;
        }
        return r.what == register_kind::schema ? s.what.schema == r.of
               : is_list(r.what)               ? s.what.organization == r.of
                                               : true;
    }

    /// Whether what `r` shows of one product (null: that it is not there) can have been.
    void judge_one(read const& r, id number, shown const* one, showing& out) {
        auto const found = products_.find(number);
        if (found == products_.end()) {
            if (one != nullptr) {
                report(violation::kind::invented, say(r) + ": there never was such a product");
            }
            return;
        }
        auto& p = found->second;
        auto const floor = p.floor_at(r.began);
        // What the answers to moves tell of a schema's list is known at their end only: P1 and P3
        // (protocol.md section 6).
        bool const monotonic = what_.monotonic && r.what != register_kind::schema;
        auto const seen_it = monotonic ? seen_.find(&p) : seen_.end();
        auto const seen = seen_it == seen_.end() ? 0 : seen_it->second;
        if (one != nullptr) {
            auto const version = p.by_version.find(one->version);
            if (version == p.by_version.end() || !same(p.states[version->second], *one) ||
                p.states[version->second].what.began > r.ended ||
                !in_scope(r, p.states[version->second])) {
                report(violation::kind::invented,
                       say(r) + ": version " + std::to_string(one->version) + " of product " +
                           std::to_string(number) + " was never like that, or not yet");
                return;
            }
            conclude(r, number, p, version->second, floor, seen, out);
            return;
        }
        // Not there: the oldest state without it that breaks nothing; else the newest.
        std::optional<std::size_t> best;
        for (std::size_t i = 0; i < p.states.size(); ++i) {
            if (in_scope(r, p.states[i]) || p.states[i].what.began > r.ended) {
                continue;
            }
            best = i;
            if (i >= std::max(floor.state, seen)) {
                break;
            }
        }
        if (!best) {
            report(violation::kind::invented,
                   say(r) + ": product " + std::to_string(number) + " was there all the time");
            return;
        }
        conclude(r, number, p, *best, floor, seen, out);
    }

    static bool same(state const& s, shown const& one) {
        return s.what.price_cents == one.price_cents && s.what.schema == one.schema &&
               s.what.organization == one.organization;
    }

    void conclude(read const& r,
                  id number,
                  product_states& p,
                  std::size_t index,
                  floor_step const& floor,
                  std::size_t seen,
                  showing& out) {
        if (index < floor.state) {
            report(floor.abandoned ? violation::kind::abandoned : violation::kind::stale,
                   say(r) + ": shows " + say(number, p, index) + " although " +
                       say(number, p, floor.state) + " was " +
                       (floor.abandoned ? "past every deadline" : "answered") + " at " +
                       show(floor.from - first_));
        } else if (index < seen) {
            report(violation::kind::not_monotonic,
                   say(r) + ": shows " + say(number, p, index) + " although a read before had " +
                       say(number, p, seen));
        }
        // A list of a schema is held to P1 and P3, but what it shows others are held to, too,
        // only where the tags of all were known at begin.
        if (r.what != register_kind::schema) {
            out.emplace_back(&p, index);
        }
    }

    static std::string say(id number, product_states const& p, std::size_t index) {
        auto const& s = p.states[index];
        return "product " + std::to_string(number) +
               (index == 0   ? " as not created"
                : !exists(s) ? " as deleted"
                             : " in version " + std::to_string(s.what.version)) +
               (index == 0 ? "" : " (of " + std::to_string(index) + ")");
    }

    std::string say(read const& r) const {
        return std::string(path_of(r.what)) + " " + std::to_string(r.of) + " at replica " +
               std::to_string(r.replica) + (r.hit ? " (hit)" : "") + " from " +
               show(r.began - first_) + " to " + show(r.ended - first_);
    }

    void report(violation::kind what, std::string text) {
        out_.violations.push_back({what, std::move(text)});
    }

    history const& h_;
    checks what_;
    verdict out_;
    ns first_ = 0;
    std::map<id, product_states> products_;
    std::map<std::int64_t, std::vector<std::pair<id, std::size_t>>> by_price_;
    std::map<id, scope> of_organization_, of_schema_;
    std::unordered_map<product_states const*, std::size_t> seen_;
    std::set<state const*> written_;
};

}  // namespace

std::string_view name(violation::kind k) {
    switch (k) {
        case violation::kind::stale:
            return "stale (P1)";
        case violation::kind::abandoned:
            return "stale after the deadline (P3)";
        case violation::kind::not_monotonic:
            return "not monotonic (P2)";
        case violation::kind::invented:
            return "not what the backend gave";
        case violation::kind::lost_update:
            return "lost update";
        case violation::kind::repeated_update:
            return "repeated update";
    }
    return "";
}

double verdict::hit_ratio() const {
    return checked == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(checked);
}

verdict analyse(history const& h, checks const& what) {
    return analysis(h, what).run();
}

}  // namespace sidecache::consistency
