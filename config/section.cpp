#include "config/section.hpp"

#include "config/keys.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

namespace sidecache::config {
namespace {

std::string_view kind_name(yaml_node const& node) {
    switch (node.what) {
        case yaml_node::kind::nothing:
            return "nothing";
        case yaml_node::kind::scalar:
            return "a single value";
        case yaml_node::kind::sequence:
            return "a list";
        case yaml_node::kind::map:
            return "a mapping";
    }
    return "";
}

std::string below(std::string const& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string words_of(std::span<std::string_view const> words, std::string_view last = " or ") {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        out += i == 0 ? "" : i + 1 == words.size() ? last : ", ";
        out += words[i];
    }
    return out;
}

/// Text for a value outside its range; `print` writes a bound as the user would.
template <class T, class Print>
std::string outside(std::string_view key, T value, T least, T most, Print const& print) {
    auto const name = quoted(key);
    if (value < least && least <= T(1)) {
        return name + " must be more than 0";
    }
    if (value < least) {
        return name + " is " + print(value) + "; the least is " + print(least);
    }
    return name + " is " + print(value) + "; the most is " + print(most);
}

}  // namespace

section::section(std::string path, yaml_node const& node, report& out, places& where)
    : path_(std::move(path)), node_(node), report_(out), places_(where) {
    // `upstream:` with all of its keys commented out is an empty section, not a mistake.
    if (node.what != yaml_node::kind::map && node.what != yaml_node::kind::nothing &&
        !node.is_reported) {
        auto const name = path_.empty() ? std::string("the file") : quoted(path_);
        report_.error(
            node.at,
            name + " must be a mapping of keys to values, not " + std::string(kind_name(node)));
    }
}

yaml_node const* section::find(std::string_view key) {
    asked_.emplace(key);
    auto const is_it = [&](yaml_entry const& e) { return e.key.value == key; };
    auto const found = std::ranges::find_if(node_.entries, is_it);
    if (found == node_.entries.end()) {
        return nullptr;
    }
    places_.insert_or_assign(below(path_, key), found->value->at);
    return found->value.get();
}

yaml_node const* section::require(std::string_view key, std::string_view hint) {
    auto const* node = find(key);
    if (node == nullptr && node_.what == yaml_node::kind::map) {
        report_.error(node_.at, quoted(key) + " is missing", std::string(hint));
    }
    return node;
}

yaml_node const* section::expect_scalar(yaml_node const& node, std::string_view key) {
    if (node.what == yaml_node::kind::scalar) {
        return node.is_reported ? nullptr : &node;
    }
    if (node.what == yaml_node::kind::nothing) {
        report_.error(node.at,
                      quoted(key) + " has no value",
                      "give one, or remove the key; an empty text is written \"\"");
    } else {
        auto const is_template = node.what == yaml_node::kind::map;
        report_.error(node.at,
                      quoted(key) + " must be a single value, not " + std::string(kind_name(node)),
                      is_template ? "quote a text that begins with `{`" : "");
    }
    return nullptr;
}

yaml_node const* section::scalar(std::string_view key) {
    auto const* node = find(key);
    return node == nullptr ? nullptr : expect_scalar(*node, key);
}

void section::text(std::string_view key, std::string& out) {
    if (auto const* node = scalar(key)) {
        out = node->text;
    }
}

void section::boolean(std::string_view key, bool& out) {
    value<bool>(key, out, parse_boolean);
}

void section::duration(std::string_view key, milliseconds& out, range<milliseconds> allowed) {
    auto const* node = scalar(key);
    milliseconds value{0};
    if (node == nullptr || !take(*node, parse_duration(node->text), value)) {
        return;
    }
    if (value < allowed.least || value > allowed.most) {
        report_.error(node->at, outside(key, value, allowed.least, allowed.most, print_duration));
        return;
    }
    out = value;
}

void section::share(std::string_view key, double& out, range<double> allowed) {
    auto const* node = scalar(key);
    double value = 0;
    if (node == nullptr || !take(*node, parse_share(node->text), value)) {
        return;
    }
    if (value < allowed.least || value > allowed.most) {
        report_.error(node->at,
                      quoted(key) + " is " + quoted(node->text) + ", outside what makes sense",
                      "write a number between 0 and 0.9");
        return;
    }
    out = value;
}

std::optional<std::uint64_t> section::whole_number(std::string_view key,
                                                   std::uint64_t least,
                                                   std::uint64_t most) {
    auto const* node = scalar(key);
    std::uint64_t value = 0;
    if (node == nullptr || !take(*node, parse_count(node->text), value)) {
        return std::nullopt;
    }
    if (value < least || value > most) {
        auto const print = [](std::uint64_t n) { return std::to_string(n); };
        report_.error(node->at, outside(key, value, least, most, print));
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> section::bytes(std::string_view key,
                                            std::uint64_t least,
                                            std::uint64_t most) {
    auto const* node = scalar(key);
    std::uint64_t value = 0;
    if (node == nullptr || !take(*node, parse_size(node->text), value)) {
        return std::nullopt;
    }
    if (value < least || value > most) {
        report_.error(node->at, outside(key, value, least, most, print_size));
        return std::nullopt;
    }
    return value;
}

std::optional<std::size_t> section::choice(std::string_view key,
                                           std::span<std::string_view const> words) {
    auto const* node = scalar(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    auto const found = std::ranges::find(words, node->text);
    if (found != words.end()) {
        return static_cast<std::size_t>(found - words.begin());
    }
    auto const meant = nearest(node->text, words);
    report_.error(node->at,
                  quoted(key) + " cannot be " + quoted(node->text),
                  meant ? "did you mean " + quoted(*meant) + "?" : "write " + words_of(words));
    return std::nullopt;
}

void section::child(std::string_view key, std::function<void(section&)> const& read) {
    if (auto const* node = find(key)) {
        section below_it(below(path_, key), *node, report_, places_);
        read(below_it);
        below_it.finish();
    }
}

void section::finish() {
    auto const known = keys_inside(path_);
    for ([[maybe_unused]] auto const* key : known) {
        assert(asked_.contains(last_word(*key)) && "a key of the table that nobody reads");
    }
    for (auto const& entry : node_.entries) {
        auto const is_it = [&](known_key const* k) { return last_word(*k) == entry.key.value; };
        auto const found = std::ranges::find_if(known, is_it);
        if (found == known.end()) {
            unknown(entry);
        }
    }
}

void section::unknown(yaml_entry const& entry) {
    auto const text = "unknown key " + quoted(entry.key.value);
    if (entry.key.value == "<<") {
        report_.error(
            entry.key.at,
            text,
            "merge keys are not supported; repeat the keys, or use an alias for a whole value");
        return;
    }
    std::vector<std::string_view> words;
    for (auto const* key : keys_inside(path_)) {
        words.push_back(last_word(*key));
    }
    if (auto const meant = nearest(entry.key.value, words)) {
        report_.error(entry.key.at, text, "did you mean " + quoted(*meant) + "?");
        return;
    }
    // A key that exists elsewhere is mostly a mistake of indentation.
    for (auto const& key : known_keys()) {
        if (last_word(key) == entry.key.value) {
            report_.error(entry.key.at, text, "it belongs at " + quoted(key.path));
            return;
        }
    }
    report_.error(entry.key.at, text, "the keys here are " + words_of(words, " and "));
}

}  // namespace sidecache::config
