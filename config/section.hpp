#pragma once

#include "config/report.hpp"
#include "config/yaml_tree.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sidecache::config {

/// Where a file gives its values, by the paths of keys.hpp: for checks that look at two at once.
using places = std::map<std::string, rules::position, std::less<>>;

template <class T>
struct range {
    T least;
    T most;
};

/// One YAML mapping, read key by key into typed values. A key that is not given leaves its default
/// as it is; a value that cannot be used becomes a finding and leaves it too. What the table of
/// keys.hpp does not know is an error with the key that was probably meant.
class section {
public:
    using milliseconds = std::chrono::milliseconds;

    static constexpr range<milliseconds> any_duration{milliseconds(0), milliseconds::max()};
    /// Timeouts: more than nothing, at most a day.
    static constexpr range<milliseconds> timeout{milliseconds(1), std::chrono::hours(24)};

    /// `path` as in keys.hpp. A node that is no mapping is reported here.
    section(std::string path, yaml_node const& node, report& out, places& where);

    rules::position at() const { return node_.at; }
    std::string const& path() const { return path_; }

    /// The value given for a key; null when there is none.
    yaml_node const* find(std::string_view key);
    /// The same, for a key that must be given.
    yaml_node const* require(std::string_view key, std::string_view hint);

    void text(std::string_view key, std::string& out);
    void boolean(std::string_view key, bool& out);
    void duration(std::string_view key, milliseconds& out, range<milliseconds> allowed);
    void share(std::string_view key, double& out, range<double> allowed);

    template <class Integer>
    void count(std::string_view key, Integer& out, std::uint64_t least, std::uint64_t most) {
        if (auto const value = whole_number(key, least, most)) {
            out = static_cast<Integer>(*value);
        }
    }
    template <class Integer>
    void size(std::string_view key, Integer& out, std::uint64_t least, std::uint64_t most) {
        if (auto const value = bytes(key, least, most)) {
            out = static_cast<Integer>(*value);
        }
    }

    /// One of a few words; the index of the one given.
    std::optional<std::size_t> choice(std::string_view key,
                                      std::span<std::string_view const> words);

    /// The text of a key that `parse` makes a value of.
    template <class T>
    void value(std::string_view key, T& out, parsed<T> (*parse)(std::string_view)) {
        if (auto const* node = scalar(key)) {
            take(*node, parse(node->text), out);
        }
    }

    /// Reads the section below a key, when it is given.
    void child(std::string_view key, std::function<void(section&)> const& read);

    /// The last call: reports every key that the table does not know.
    void finish();

    report& findings() { return report_; }
    places& where() { return places_; }

    /// A node's text, or a finding when it is no scalar.
    yaml_node const* expect_scalar(yaml_node const& node, std::string_view key);

private:
    yaml_node const* scalar(std::string_view key);
    std::optional<std::uint64_t> whole_number(std::string_view key,
                                              std::uint64_t least,
                                              std::uint64_t most);
    std::optional<std::uint64_t> bytes(std::string_view key,
                                       std::uint64_t least,
                                       std::uint64_t most);
    void unknown(yaml_entry const& entry);

    template <class T>
    bool take(yaml_node const& node, parsed<T> value, T& out) {
        if (auto* bad = std::get_if<problem>(&value)) {
            report_.add(node.at, std::move(*bad));
            return false;
        }
        out = std::move(std::get<T>(value));
        return true;
    }

    std::string path_;
    yaml_node const& node_;
    report& report_;
    places& places_;
    std::set<std::string, std::less<>> asked_;
};

}  // namespace sidecache::config
