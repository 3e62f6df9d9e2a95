#include "tests/monitoring/promql.hpp"

#include <algorithm>
#include <array>

namespace sidecache::tests {
namespace {

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Behind these a list of labels in parentheses follows.
constexpr std::array<std::string_view, 6> before_labels{
    "by", "without", "on", "ignoring", "group_left", "group_right"};
/// Words that are neither a function before its parenthesis nor a series.
constexpr std::array<std::string_view, 15> words{"sum",
                                                 "count",
                                                 "min",
                                                 "max",
                                                 "avg",
                                                 "topk",
                                                 "bottomk",
                                                 "and",
                                                 "or",
                                                 "unless",
                                                 "bool",
                                                 "offset",
                                                 "atan2",
                                                 "NaN",
                                                 "Inf"};

bool is_one_of(auto const& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

class reader {
public:
    explicit reader(std::string_view text) : text_(text) {}

    std::vector<series_selector> all() {
        while (at_ < text_.size()) {
            char const c = text_[at_];
            if (c == '"' || c == '\'') {
                string();
            } else if (c == '[') {
                skip_to(']');
            } else if (is_digit(c)) {
                while (at_ < text_.size() &&
                       (is_digit(text_[at_]) || is_name_start(text_[at_]) || text_[at_] == '.')) {
                    ++at_;
                }
            } else if (is_name_start(c)) {
                word();
            } else {
                ++at_;
            }
        }
        return std::move(out_);
    }

private:
    void word() {
        auto const name = take_name();
        spaces();
        if (is_one_of(before_labels, name)) {
            if (at_ < text_.size() && text_[at_] == '(') {
                skip_to(')');
            }
            return;
        }
        bool const is_call = at_ < text_.size() && text_[at_] == '(';
        if (is_call || is_one_of(words, name)) {
            return;
        }
        auto& found = out_.emplace_back(series_selector{std::string(name), {}});
        if (at_ < text_.size() && text_[at_] == '{') {
            ++at_;
            matchers(found);
        }
    }

    void matchers(series_selector& into) {
        while (at_ < text_.size() && text_[at_] != '}') {
            if (!is_name_start(text_[at_])) {
                ++at_;
                continue;
            }
            label_matcher m;
            m.label = take_name();
            auto const op = at_;
            while (at_ < text_.size() && text_[at_] != '"') {
                ++at_;
            }
            m.op = text_.substr(op, at_ - op);
            m.value = string();
            into.matchers.push_back(std::move(m));
        }
        ++at_;
    }

    std::string_view take_name() {
        auto const begin = at_;
        while (at_ < text_.size() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }

    std::string string() {
        char const quote = text_[at_++];
        auto const begin = at_;
        while (at_ < text_.size() && text_[at_] != quote) {
            at_ += text_[at_] == '\\' ? 2 : 1;
        }
        auto const end = std::min(at_, text_.size());
        at_ = end + 1;
        return std::string(text_.substr(begin, end - begin));
    }

    void skip_to(char end) {
        while (at_ < text_.size() && text_[at_] != end) {
            ++at_;
        }
        ++at_;
    }
    void spaces() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<series_selector> out_;
};

}  // namespace

std::vector<series_selector> selectors_of(std::string_view expression) {
    return reader(expression).all();
}

}  // namespace sidecache::tests
