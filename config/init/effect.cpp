#include "config/init/effect.hpp"

#include "config/init/words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace sidecache::config::init {
namespace {

using sort = effect::sort;
using what = change::what;

/// The list of a body that names things of this kind.
std::string ids_for(operation const& o, step const& s) {
    std::string best;
    for (auto const& path : o.id_lists) {
        auto const name = path.substr(0, path.find('['));
        auto const word = bare(name);
        bool const is_plain = word == "ids" || word == "id" || word == "keys" || word.empty();
        bool const is_ours = word == s.kind + "ids" || word == s.kind + "id" ||
                             kind_of(name) == s.kind || word == "items" || word == "entries";
        if (is_plain) {
            return path;
        }
        best = best.empty() && is_ours ? path : best;
    }
    return best;
}

class finder {
public:
    finder(operation const& o, std::vector<step> const& steps, catalog const& known)
        : o_(o), steps_(steps), known_(known) {}

    effect find() {
        if (steps_.empty()) {
            return std::move(out_);
        }
        auto const& last = steps_.back();
        auto const before = steps_.size() - 1;  // the step above, counted from 1
        out_.subject = singular(last.word);
        if (last.has_variable()) {
            out_.what = sort::changed;
            items(last.kind, last.variable);
            lists(last.kind);
            above(before, last.kind);
            return std::move(out_);
        }
        if (!known_.is_resource(steps_)) {
            verb(before);
            return std::move(out_);
        }
        bool const has_items = known_.has_items(last.kind);
        out_.what = o_.method == "POST" ? sort::created : has_items ? sort::bulk : sort::part;
        if (out_.what == sort::bulk) {
            many_items(last);
        }
        lists(last.kind);
        above(before, last.kind);
        return std::move(out_);
    }

private:
    void items(std::string const& kind, std::string const& variable) {
        out_.changes.push_back({what::items, kind, variable, {}, {}});
    }
    void lists(std::string const& kind) { out_.changes.push_back({what::lists, kind, {}, {}, {}}); }

    /// What a body names one by one, or all.
    void many_items(step const& s) {
        auto const has_id = std::ranges::find(o_.body_members, "id") != o_.body_members.end();
        if (auto const path = ids_for(o_, s); !path.empty()) {
            out_.bulk_from = path.starts_with('[') ? "body" + path : "body." + path;
        }
        if (out_.bulk_from.empty() && has_id) {
            out_.bulk_from = "body.id";
        }
        items(s.kind, out_.bulk_from.empty() ? "" : bulk_variable);
    }

    /// What stands above shows what is below, maybe.
    void above(std::size_t count, std::string const& kind) {
        if (count == 0) {
            return;
        }
        auto const& parent = steps_[count - 1];
        if (parent.has_variable()) {
            out_.changes.push_back({what::parent, parent.kind, parent.variable, kind, {}});
            lists(parent.kind);
        } else {
            out_.changes.push_back(
                {what::document, parent.kind, {}, {}, signature(steps_, count - 1, false)});
        }
    }

    /// /products/{id}/publish, /products/bulk-delete: something is done with what stands above.
    void verb(std::size_t count) {
        if (o_.method == "POST" && is_question_word(steps_.back().word)) {
            out_.what = sort::question;
            return;
        }
        if (count == 0 || is_session_word(steps_.back().word)) {
            return;
        }
        auto const& parent = steps_[count - 1];
        out_.subject = singular(parent.word);
        if (parent.has_variable()) {
            out_.what = sort::action;
            items(parent.kind, parent.variable);
        } else {
            out_.what = sort::bulk;
            many_items(parent);
        }
        lists(parent.kind);
    }

    operation const& o_;
    std::vector<step> const& steps_;
    catalog const& known_;
    effect out_;
};

}  // namespace

catalog::catalog(api const& all, std::size_t skip) {
    for (auto const& o : all.operations) {
        auto const steps = shape_of_path(o.path, skip).steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (steps[i].has_variable()) {
                lists_.insert(signature(steps, i, false));
                kinds_.insert(steps[i].kind);
            }
        }
        if (steps.empty()) {
            continue;
        }
        auto const whole = signature(steps, steps.size() - 1, true);
        if (o.method == "GET") {
            read_.insert(whole);
        } else if (o.method == "POST") {
            written_.insert(whole);
        }
    }
}

bool catalog::is_resource(std::vector<step> const& steps) const {
    auto const here = signature(steps, steps.size() - 1, false);
    return read_.contains(here) || lists_.contains(here) || kinds_.contains(steps.back().kind);
}

bool catalog::is_collection(std::vector<step> const& steps, std::size_t i) const {
    auto const here = signature(steps, i, false);
    return lists_.contains(here) || (written_.contains(here) && read_.contains(here));
}

effect effect_of(operation const& o, std::vector<step> const& steps, catalog const& known) {
    return finder(o, steps, known).find();
}

}  // namespace sidecache::config::init
