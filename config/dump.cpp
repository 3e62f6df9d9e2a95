#include "config/dump.hpp"

#include "config/keys.hpp"
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sidecache::config {
namespace {

constexpr std::string_view hidden = "***";

/// Sections that are there even when no file says so. Of the others (`identity`, a rule's `lock`)
/// it means something that they are left out.
constexpr std::array<std::string_view, 6> always{
    "admin", "upstream", "store", "near_cache", "limits", "log"};

bool is_always(std::string_view path) {
    return std::ranges::find(always, path.substr(0, path.find('.'))) != always.end();
}

/// By its last word: a key that is added tomorrow is hidden as well.
bool is_secret(std::string_view key) {
    static constexpr std::array<std::string_view, 4> words{
        "token", "password", "secret", "passphrase"};
    return std::ranges::find(words, key) != words.end();
}

/// A URL's password: redis://USER:***@HOST.
std::string without_password(std::string_view url) {
    auto const slashes = url.find("://");
    auto const at = url.rfind('@');
    if (slashes == std::string_view::npos || at == std::string_view::npos || at < slashes) {
        return std::string(url);
    }
    auto const user = url.substr(slashes + 3, at - slashes - 3);
    return std::string(url.substr(0, slashes + 3)) + std::string(user.substr(0, user.find(':'))) +
           ":" + std::string(hidden) + std::string(url.substr(at));
}

bool is_plain(std::string_view text) {
    return !text.empty() && text != "null" && text != "Null" && text != "NULL" &&
           std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '_' || c == '.';
           });
}

/// A text as a YAML scalar; `${` stands for itself.
std::string scalar(std::string_view text) {
    if (is_plain(text)) {
        return std::string(text);
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text[i];
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        } else {
            out += text.substr(i, 2) == "${" ? "$$" : text.substr(i, 1);
        }
    }
    return out + "\"";
}

/// Any value on one line.
std::string flow(yaml_node const& node) {
    std::string out;
    switch (node.what) {
        case yaml_node::kind::nothing:
            return "null";
        case yaml_node::kind::scalar:
            return scalar(node.text);
        case yaml_node::kind::sequence:
            for (auto const& item : node.items) {
                out += (out.empty() ? "" : ", ") + flow(*item);
            }
            return "[" + out + "]";
        case yaml_node::kind::map:
            for (auto const& entry : node.entries) {
                out += (out.empty() ? "" : ", ") + scalar(entry.key.value) + ": " +
                       (is_secret(entry.key.value) ? std::string(hidden) : flow(*entry.value));
            }
            return "{" + out + "}";
    }
    return out;
}

class writer {
public:
    /// One mapping; null: what is there by default.
    void section(std::string_view path, yaml_node const* node, std::string const& indent) {
        for (auto const* key : keys_inside(path)) {
            value(*key, find(node, last_word(*key)), indent);
        }
    }
    std::string take() { return std::move(out_); }

private:
    static yaml_node const* find(yaml_node const* node, std::string_view key) {
        if (node == nullptr) {
            return nullptr;
        }
        auto const found = std::ranges::find_if(
            node->entries, [&](yaml_entry const& e) { return e.key.value == key; });
        return found == node->entries.end() ? nullptr : found->value.get();
    }

    void value(known_key const& key, yaml_node const* node, std::string const& indent) {
        auto const name = last_word(key);
        if (key.type == "section") {
            if (node != nullptr || is_always(key.path)) {
                below(key, node, indent);
            }
        } else if (key.type == "rules" || key.type == "purges") {
            if (node != nullptr) {
                list(key, *node, indent);
            }
        } else if (node != nullptr && node->what != yaml_node::kind::nothing) {
            line(indent, name, shown(key, *node));
        } else if (!key.fallback.empty()) {
            line(indent, name, scalar(key.fallback));
        }
    }

    void below(known_key const& key, yaml_node const* node, std::string const& indent) {
        auto const before = out_.size();
        section(key.path, node, indent + "  ");
        auto const content = out_.substr(before);
        out_.resize(before);
        line(indent, last_word(key), content.empty() ? "{}" : "");
        out_ += content;
    }

    void list(known_key const& key, yaml_node const& node, std::string const& indent) {
        line(indent, last_word(key), node.items.empty() ? "[]" : "");
        for (auto const& item : node.items) {
            auto const begin = out_.size();
            section(std::string(key.path) + "[]", item.get(), indent + "    ");
            out_.replace(begin, indent.size() + 4, indent + "  - ");
        }
    }

    static std::string shown(known_key const& key, yaml_node const& node) {
        if (is_secret(last_word(key))) {
            return node.text.empty() ? scalar("") : scalar(hidden);
        }
        if (key.type == "secret_fields") {
            return hidden_fields(node);
        }
        return key.type == "store_url" ? scalar(without_password(node.text)) : flow(node);
    }

    /// Names, without their values.
    static std::string hidden_fields(yaml_node const& node) {
        std::string out;
        for (auto const& entry : node.entries) {
            out += (out.empty() ? "" : ", ") + scalar(entry.key.value) + ": " + scalar(hidden);
        }
        return "{" + out + "}";
    }

    void line(std::string const& indent, std::string_view name, std::string_view text) {
        out_.append(indent)
            .append(name)
            .append(text.empty() ? ":" : ": ")
            .append(text)
            .append("\n");
    }

    std::string out_;
};

}  // namespace

std::string dump(loaded const& from) {
    writer w;
    w.section("", from.tree.get(), "");
    return w.take();
}

}  // namespace sidecache::config
