#include "config/init/route_shape.hpp"

#include "config/init/words.hpp"
#include "rules/path_template.hpp"

#include <algorithm>
#include <optional>
#include <variant>

namespace sidecache::config::init {
namespace {

using std::string_view;

std::vector<string_view> segments_of(string_view path) {
    std::vector<string_view> out;
    for (std::size_t at = 1; at <= path.size() && path.size() > 1;) {
        auto const end = std::min(path.find('/', at), path.size());
        out.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

bool is_version(string_view segment) {
    return segment.size() > 1 && (segment[0] == 'v' || segment[0] == 'V') &&
           std::ranges::all_of(segment.substr(1),
                               [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool is_preamble(string_view segment) {
    return is_version(segment) || segment == "api" || segment == "rest";
}

/// A variable that stands alone is named after itself: {orgId} is an org.
std::string word_of_variable(string_view name) {
    for (auto const* const end : {"Id", "ID", "_id"}) {
        if (name.ends_with(end) && name.size() > string_view(end).size()) {
            return std::string(name.substr(0, name.size() - string_view(end).size()));
        }
    }
    return std::string(name);
}

/// What stands between braces in one segment.
struct cut {
    string_view before, name, behind;
};

std::optional<cut> cut_of(string_view segment) {
    auto const open = segment.find('{');
    auto const close = segment.find('}');
    if (open == segment.npos || close == segment.npos || close < open ||
        segment.find('{', open + 1) != segment.npos) {
        return std::nullopt;
    }
    return cut{segment.substr(0, open),
               segment.substr(open + 1, close - open - 1),
               segment.substr(close + 1)};
}

class shaper {
public:
    shaper(string_view path, std::size_t skip) : segments_(segments_of(path)), skip_(skip) {}

    route_shape shape() {
        for (std::size_t i = 0; i < segments_.size() && out_.problem.empty(); ++i) {
            add(i);
        }
        if (out_.path.empty()) {
            out_.path = "/";
        }
        if (out_.problem.empty()) {
            auto const parsed = rules::path_template::parse(out_.path);
            if (auto const* error = std::get_if<rules::template_error>(&parsed)) {
                out_.problem = error->text;
            }
        }
        return std::move(out_);
    }

private:
    void add(std::size_t i) {
        auto const segment = segments_[i];
        out_.path += '/';
        if (segment.find_first_of("{}") == segment.npos) {
            out_.path += segment;
            if (i >= skip_) {
                out_.steps.push_back({std::string(segment), kind_of(segment), {}});
            }
            return;
        }
        auto const parts = cut_of(segment);
        if (!parts) {
            out_.problem = "a segment with two variables";
            return;
        }
        bool const is_rest = i + 1 == segments_.size() && parts->before.empty() &&
                             parts->behind.empty() &&
                             (parts->name.ends_with('+') || parts->name.ends_with('*'));
        auto const name = unique(variable_name(parts->name));
        out_.path += std::string(parts->before) + "{" + name + (is_rest ? "*}" : "}") +
                     std::string(parts->behind);
        put_variable(name, parts->before);
        if (auto const tail = key_literal(parts->behind); !parts->behind.empty()) {
            auto const begin = std::min(tail.find_first_not_of("-._"), tail.size() - 1);
            out_.steps.push_back({tail.substr(begin), kind_of(tail), {}});
        }
    }

    void put_variable(std::string const& name, string_view before) {
        if (!before.empty()) {
            out_.steps.push_back({std::string(before), kind_of(before), name});
        } else if (!out_.steps.empty() && !out_.steps.back().has_variable()) {
            out_.steps.back().variable = name;
        } else {
            auto const word = word_of_variable(name);
            out_.steps.push_back({word, kind_of(word), name});
        }
    }

    std::string unique(std::string name) {
        while (std::ranges::find(names_, name) != names_.end()) {
            name += "2";
        }
        names_.push_back(name);
        return name;
    }

    std::vector<string_view> segments_;
    std::size_t skip_;
    std::vector<std::string> names_{bulk_variable};
    route_shape out_;
};

}  // namespace

std::size_t shared_segments(api const& all) {
    if (all.operations.empty()) {
        return 0;
    }
    auto count = segments_of(all.base_path).size();
    auto const first = segments_of(all.operations.front().path);
    auto const is_shared = [&](operation const& o) {
        auto const segments = segments_of(o.path);
        return segments.size() > count + 1 && segments[count] == first[count];
    };
    while (count < first.size() && is_preamble(first[count]) &&
           std::ranges::all_of(all.operations, is_shared)) {
        ++count;
    }
    return count;
}

route_shape shape_of_path(std::string_view path, std::size_t skip) {
    return shaper(path, skip).shape();
}

std::string signature(std::vector<step> const& steps, std::size_t i, bool with_variable) {
    std::string out;
    for (std::size_t at = 0; at <= i && at < steps.size(); ++at) {
        out += '/' + steps[at].kind;
        out += steps[at].has_variable() && (at < i || with_variable) ? "{}" : "";
    }
    return out;
}

}  // namespace sidecache::config::init
