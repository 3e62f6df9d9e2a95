// The JSON text goes through a push parser: what a path does not name is never stored, and a name
// that comes twice in one object is seen. A document tree would keep only the last of the two,
// where the backend may have acted on the first.
#include "rules/json_path.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace sidecache::rules {

namespace {

using step_kind = json_path::step::kind;

/// Follows one path through the text. At each moment the first `matched_` steps lead to the node
/// at depth `matched_` that is open; `matched_` never exceeds the depth.
class follower {
public:
    explicit follower(json_path const& path) : steps_(path.steps) {
        auto const each = std::find_if(
            steps_.begin(), steps_.end(), [](auto const& s) { return s.what == step_kind::each; });
        first_each_ = static_cast<std::size_t>(each - steps_.begin());
    }

    void begin_container(std::size_t depth, bool is_array) {
        if (!is_next(depth)) {
            return;
        }
        if (depth == steps_.size() || is_array == (steps_[depth].what == step_kind::member)) {
            unusable_ = true;  // an object or array where a value, or the other kind, was named
            return;
        }
        inside_ = depth + 1;
        seen_[depth] = false;
        index_[depth] = 0;
        on_path_ = is_array && element_matches(depth);
    }

    /// A value begins at `depth`, in an array or behind its key.
    void begin_value(std::size_t depth) {
        if (is_next(depth) && depth > 0) {
            seen_[depth - 1] = true;
        }
    }

    void key(std::size_t depth, std::string_view name) {
        if (inside_ != depth) {
            return;
        }
        on_path_ = name == steps_[depth - 1].name;
        if (on_path_) {
            unusable_ = unusable_ || seen_[depth - 1];
            seen_[depth - 1] = true;
        }
    }

    template <class Text>
    void scalar(std::size_t depth, Text text) {
        if (!is_next(depth)) {
            return;
        }
        std::optional<std::string> value;
        if (depth == steps_.size() && values_.size() < max_fan_out) {
            value = text();
        }
        if (value) {
            values_.push_back(std::move(*value));
        } else {
            unusable_ = true;
        }
    }

    /// After each value at `depth`: the next element of the array around it.
    void end_value(std::size_t depth, bool in_array) {
        if (in_array && inside_ == depth) {
            ++index_[depth - 1];
            on_path_ = element_matches(depth - 1);
        } else if (inside_ == depth) {
            on_path_ = false;
        }
    }

    void end_container(std::size_t depth) {
        if (inside_ != depth + 1) {
            return;
        }
        if (!seen_[depth]) {
            // An empty list, or an element without what the others may have, is no plain absence.
            missing_ = true;
            unusable_ = unusable_ || depth >= first_each_;
        }
        inside_ = depth;
        on_path_ = true;  // this container was on the path, or it would not have been entered
    }

    json_values result() && {
        using outcome = json_values::outcome;
        if (unusable_ || (missing_ && !values_.empty())) {
            return {outcome::unusable, {}};
        }
        if (values_.empty()) {
            return {outcome::missing, {}};
        }
        return {outcome::found, std::move(values_)};
    }

private:
    /// Whether the value that begins at `depth` is the one that the steps lead to.
    bool is_next(std::size_t depth) const { return inside_ == depth && on_path_; }

    bool element_matches(std::size_t depth) const {
        auto const& s = steps_[depth];
        return s.what == step_kind::each || s.index == index_[depth];
    }

    std::vector<json_path::step> const& steps_;
    std::size_t inside_ = 0;  // that many open containers are on the path
    bool on_path_ = true;     // the next value inside the innermost of them is on it
    bool missing_ = false;
    bool unusable_ = false;
    std::array<bool, max_json_depth + 1> seen_{};
    std::array<std::size_t, max_json_depth + 1> index_{};
    std::size_t first_each_ = 0;
    std::vector<std::string> values_;
};

/// Boost.JSON's event handler: keeps the depth and tells every follower.
class handler {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    explicit handler(std::vector<json_path const*> const& paths) {
        followers_.reserve(paths.size());
        for (auto const* p : paths) {
            followers_.emplace_back(*p);
        }
    }

    std::vector<json_values> results() && {
        std::vector<json_values> out;
        out.reserve(followers_.size());
        for (auto& f : followers_) {
            out.push_back(std::move(f).result());
        }
        return out;
    }

    using error_code = boost::json::error_code;
    using view = boost::json::string_view;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code& ec) { return begin(false, ec); }
    bool on_object_end(std::size_t, error_code&) { return end(); }
    bool on_array_begin(error_code& ec) { return begin(true, ec); }
    bool on_array_end(std::size_t, error_code&) { return end(); }
    bool on_key_part(view s, std::size_t, error_code&) {
        text_.append(s.data(), s.size());
        return true;
    }
    bool on_key(view s, std::size_t, error_code&) {
        text_.append(s.data(), s.size());
        for (auto& f : followers_) {
            f.key(depth_, text_);
        }
        text_.clear();
        return true;
    }
    bool on_string_part(view s, std::size_t, error_code&) {
        text_.append(s.data(), s.size());
        return true;
    }
    bool on_string(view s, std::size_t, error_code&) {
        text_.append(s.data(), s.size());
        scalar([&] { return std::optional(text_); });
        text_.clear();
        return true;
    }
    bool on_number_part(view s, error_code&) {
        text_.append(s.data(), s.size());
        return true;
    }
    bool on_int64(std::int64_t n, view, error_code&) {
        text_.clear();
        scalar([&] { return std::optional(std::to_string(n)); });
        return true;
    }
    bool on_uint64(std::uint64_t n, view, error_code&) {
        text_.clear();
        scalar([&] { return std::optional(std::to_string(n)); });
        return true;
    }
    bool on_double(double, view s, error_code&) {
        text_.append(s.data(), s.size());
        scalar([&] { return integral_text(text_); });
        text_.clear();
        return true;
    }
    bool on_bool(bool b, error_code&) {
        scalar([&] { return std::optional<std::string>(b ? "true" : "false"); });
        return true;
    }
    bool on_null(error_code&) {
        scalar([]() -> std::optional<std::string> { return std::nullopt; });
        return true;
    }
    bool on_comment_part(view, error_code&) { return true; }
    bool on_comment(view, error_code&) { return true; }

private:
    /// The parser's own double may be one unit off in its last place; an id must not be.
    static std::optional<std::string> integral_text(std::string_view digits) {
        constexpr double exact = 9007199254740992.0;  // 2^53
        double n = 0;
        auto const [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
        if (ec != std::errc() || end != digits.data() + digits.size() || !(std::fabs(n) < exact) ||
            std::trunc(n) != n) {
            return std::nullopt;
        }
        return std::to_string(static_cast<std::int64_t>(n));
    }

    bool in_array() const { return depth_ > 0 && arrays_[depth_ - 1]; }

    bool begin(bool is_array, error_code& ec) {
        if (depth_ == arrays_.size()) {
            ec = boost::json::error::too_deep;
            return false;
        }
        for (auto& f : followers_) {
            f.begin_value(depth_);
            f.begin_container(depth_, is_array);
        }
        arrays_[depth_++] = is_array;
        return true;
    }

    bool end() {
        --depth_;
        for (auto& f : followers_) {
            f.end_container(depth_);
            f.end_value(depth_, in_array());
        }
        return true;
    }

    template <class Text>
    void scalar(Text text) {
        for (auto& f : followers_) {
            f.begin_value(depth_);
            f.scalar(depth_, text);
            f.end_value(depth_, in_array());
        }
    }

    std::vector<follower> followers_;
    std::array<bool, max_json_depth + 1> arrays_{};
    std::size_t depth_ = 0;
    std::string text_;
};

}  // namespace

std::vector<json_values> read_json(std::string_view text,
                                   std::vector<json_path const*> const& paths) {
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    boost::json::basic_parser<handler> parser(options, paths);
    boost::json::error_code ec;
    auto const read = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && read < text.size()) {
        // Whatever follows the value, white space aside (the parser has taken that).
        ec = boost::json::error::extra_data;
    }
    if (ec || !parser.done()) {
        return std::vector<json_values>(paths.size());
    }
    return std::move(parser.handler()).results();
}

}  // namespace sidecache::rules
