#include "proxy/identity/jwt_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <set>
#include <string>
#include <vector>

namespace sidecache::identity {

namespace {

constexpr std::size_t max_depth = 16;

/// Boost.JSON's event handler that fails at a name which its object has already. (The document
/// tree that the same library builds keeps the last of the two without a word.)
class unique_names {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    using error_code = boost::json::error_code;
    using view = boost::json::string_view;

    bool on_object_begin(error_code&) {
        open_.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t, error_code&) {
        open_.pop_back();
        return true;
    }
    bool on_key_part(view s, std::size_t, error_code&) {
        name_.append(s.data(), s.size());
        return true;
    }
    bool on_key(view s, std::size_t, error_code& ec) {
        name_.append(s.data(), s.size());
        bool const is_new = open_.back().insert(std::move(name_)).second;
        name_.clear();
        if (!is_new) {
            ec = boost::json::error::syntax;
        }
        return is_new;
    }
    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t, error_code&) { return true; }
    bool on_string_part(view, std::size_t, error_code&) { return true; }
    bool on_string(view, std::size_t, error_code&) { return true; }
    bool on_number_part(view, error_code&) { return true; }
    bool on_int64(std::int64_t, view, error_code&) { return true; }
    bool on_uint64(std::uint64_t, view, error_code&) { return true; }
    bool on_double(double, view, error_code&) { return true; }
    bool on_bool(bool, error_code&) { return true; }
    bool on_null(error_code&) { return true; }
    bool on_comment_part(view, error_code&) { return true; }
    bool on_comment(view, error_code&) { return true; }

private:
    std::vector<std::set<std::string, std::less<>>> open_;  // the names of each object around
    std::string name_;
};

boost::json::parse_options strict() {
    boost::json::parse_options options;  // no comments, no trailing commas, no invalid UTF-8
    options.max_depth = max_depth;
    return options;
}

}  // namespace

std::optional<boost::json::object> parse_strict_object(std::string_view text) {
    boost::json::error_code ec;
    boost::json::basic_parser<unique_names> names(strict());
    auto const read = names.write_some(false, text.data(), text.size(), ec);
    if (ec || read != text.size() || !names.done()) {
        return std::nullopt;
    }
    auto value = boost::json::parse({text.data(), text.size()}, ec, {}, strict());
    if (ec || !value.is_object()) {
        return std::nullopt;
    }
    return std::move(value.get_object());
}

boost::json::string const* find_string(boost::json::object const& o, std::string_view name) {
    auto const* found = o.if_contains({name.data(), name.size()});
    return found == nullptr ? nullptr : found->if_string();
}

}  // namespace sidecache::identity
