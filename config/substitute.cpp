#include "config/substitute.hpp"

#include <algorithm>
#include <cstddef>

namespace sidecache::config {
namespace {

// Defaults inside defaults; each level is a stack frame.
constexpr int deepest = 8;
// One variable may be named a thousand times in a file: what comes out is bounded too.
constexpr std::size_t longest_result = 1U << 20U;

bool is_name(std::string_view name) {
    auto const is_first = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    };
    auto const is_rest = [&](char c) { return is_first(c) || (c >= '0' && c <= '9'); };
    return !name.empty() && is_first(name.front()) && std::ranges::all_of(name, is_rest);
}

/// The end of a `${` whose content begins at `begin`: the closing brace that is its own.
std::size_t closing_brace(std::string_view text, std::size_t begin) {
    int open = 1;
    for (auto i = begin; i < text.size(); ++i) {
        if (text[i] == '{') {
            ++open;
        } else if (text[i] == '}' && --open == 0) {
            return i;
        }
    }
    return std::string_view::npos;
}

parsed<std::string> expand(std::string_view text, environment const& env, int depth);

/// What stands between the braces: `VAR` or `VAR:-default`.
parsed<std::string> value_of(std::string_view inside, environment const& env, int depth) {
    auto const colon = inside.find(':');
    auto const name = inside.substr(0, colon);
    if (!is_name(name)) {
        // What stands there may be a password with a `${` in it: nothing of it is shown.
        return problem{"what stands in `${...}` is not the name of a variable",
                       "write ${NAME} or ${NAME:-default}; a literal ${ is written $${"};
    }
    if (colon != std::string_view::npos && !inside.substr(colon).starts_with(":-")) {
        return problem{quoted("${" + std::string(name) + "...}") + " is not understood",
                       "the one form with a default is ${NAME:-default}"};
    }
    auto value = env(name);
    if (colon == std::string_view::npos) {
        if (!value) {
            return problem{"the environment variable " + quoted(name) + " is not set",
                           "set it, or give a default: ${" + std::string(name) + ":-...}"};
        }
        return std::move(*value);
    }
    if (value && !value->empty()) {
        return std::move(*value);
    }
    return expand(inside.substr(colon + 2), env, depth + 1);
}

parsed<std::string> expand(std::string_view text, environment const& env, int depth) {
    if (depth > deepest) {
        return problem{"defaults inside defaults are nested too deeply", ""};
    }
    std::string out;
    std::size_t i = 0;
    while (i < text.size()) {
        auto const rest = text.substr(i);
        if (rest.starts_with("$${")) {
            out += "${";
            i += 3;
        } else if (rest.starts_with("${")) {
            auto const end = closing_brace(text, i + 2);
            if (end == std::string_view::npos) {
                return problem{"a `${` has no closing brace", "a literal ${ is written $${"};
            }
            auto value = value_of(text.substr(i + 2, end - i - 2), env, depth);
            if (auto* bad = std::get_if<problem>(&value)) {
                return std::move(*bad);
            }
            out += std::get<std::string>(value);
            i = end + 1;
        } else {
            auto const next = text.find('$', i + 1);
            out += text.substr(i, next == std::string_view::npos ? next : next - i);
            i = next == std::string_view::npos ? text.size() : next;
        }
        if (out.size() > longest_result) {
            return problem{"the value is longer than 1 MiB once its variables are filled in", ""};
        }
    }
    return out;
}

}  // namespace

parsed<std::string> substitute(std::string_view text, environment const& env) {
    return expand(text, env, 0);
}

}  // namespace sidecache::config
