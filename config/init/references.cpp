#include "config/init/references.hpp"

#include <charconv>
#include <cstddef>

namespace sidecache::config::init {
namespace {

constexpr int most_hops = 16;

int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/// One step of a pointer in a URI: %XX, then ~1 and ~0.
std::string unescaped(std::string_view step) {
    std::string plain;
    for (std::size_t i = 0; i < step.size(); ++i) {
        if (step[i] == '%' && i + 2 < step.size() && hex(step[i + 1]) >= 0 &&
            hex(step[i + 2]) >= 0) {
            plain += static_cast<char>(hex(step[i + 1]) * 16 + hex(step[i + 2]));
            i += 2;
        } else {
            plain += step[i];
        }
    }
    std::string out;
    for (std::size_t i = 0; i < plain.size(); ++i) {
        bool const is_escape = plain[i] == '~' && i + 1 < plain.size();
        if (is_escape && (plain[i + 1] == '0' || plain[i + 1] == '1')) {
            out += plain[++i] == '0' ? '~' : '/';
        } else {
            out += plain[i];
        }
    }
    return out;
}

yaml_node const* element(yaml_node const& list, std::string_view step) {
    std::size_t index = 0;
    auto const [end, ec] = std::from_chars(step.data(), step.data() + step.size(), index);
    bool const is_index = ec == std::errc() && end == step.data() + step.size();
    return is_index && index < list.items.size() ? list.items[index].get() : nullptr;
}

}  // namespace

yaml_node const* member(yaml_node const* node, std::string_view key) {
    if (node == nullptr || node->what != yaml_node::kind::map) {
        return nullptr;
    }
    for (auto const& entry : node->entries) {
        if (entry.key.value == key) {
            return entry.value.get();
        }
    }
    return nullptr;
}

std::string text_of(yaml_node const* node) {
    return node != nullptr && node->what == yaml_node::kind::scalar ? node->text : std::string();
}

yaml_node const* references::at(std::string_view pointer) const {
    auto const* node = &root_;
    while (node != nullptr && !pointer.empty()) {
        auto const end = pointer.find('/', 1);
        auto const step = unescaped(pointer.substr(1, end == pointer.npos ? end : end - 1));
        pointer = end == pointer.npos ? std::string_view() : pointer.substr(end);
        node = node->what == yaml_node::kind::sequence ? element(*node, step) : member(node, step);
    }
    return node;
}

yaml_node const* references::lookup(yaml_node const& ref) {
    if (auto const seen = known_.find(ref.text); seen != known_.end()) {
        return seen->second;
    }
    yaml_node const* found = nullptr;
    if (!ref.text.starts_with('#')) {
        out_.warning(
            ref.at,
            "`$ref` to " + quoted(ref.text) + " leads out of this file and is not followed",
            "bundle the files into one first, or complete what comes out by hand");
    } else if (ref.text != "#" && !ref.text.starts_with("#/")) {
        out_.warning(ref.at, "`$ref` to " + quoted(ref.text) + " is not understood", "");
    } else {
        found = at(std::string_view(ref.text).substr(1));
        if (found == nullptr) {
            out_.warning(ref.at, "`$ref` to " + quoted(ref.text) + " leads nowhere", "");
        }
    }
    return known_.emplace(ref.text, found).first->second;
}

yaml_node const* references::follow(yaml_node const* node) {
    for (int hops = 0; node != nullptr; ++hops) {
        auto const* ref = member(node, "$ref");
        if (ref == nullptr || ref->what != yaml_node::kind::scalar) {
            return node;
        }
        if (hops == most_hops) {
            out_.warning(ref->at, "`$ref` to " + quoted(ref->text) + " leads in a circle", "");
            return nullptr;
        }
        node = lookup(*ref);
    }
    return nullptr;
}

}  // namespace sidecache::config::init
