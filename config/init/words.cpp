#include "config/init/words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace sidecache::config::init {
namespace {

using std::string_view;

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
    return is_lower(c) || is_upper(c) || is_digit(c);
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

struct plural {
    string_view end;
    string_view instead;
};

/// The first that fits counts. What ends in "s" and is no plural comes first.
constexpr auto plurals = std::to_array<plural>({
    {"news", "news"},
    {"series", "series"},
    {"species", "species"},
    {"analytics", "analytics"},
    {"metrics", "metrics"},
    {"settings", "settings"},
    {"preferences", "preferences"},
    {"details", "details"},
    {"status", "status"},
    {"address", "address"},
    {"people", "person"},
    {"children", "child"},
    {"indices", "index"},
    {"movies", "movie"},
    {"cookies", "cookie"},
    {"caches", "cache"},
    {"sizes", "size"},
    {"statuses", "status"},
    {"aliases", "alias"},
    {"quizzes", "quiz"},
    {"bonuses", "bonus"},
    {"ies", "y"},
    {"sses", "ss"},
    {"shes", "sh"},
    {"ches", "ch"},
    {"xes", "x"},
    {"ss", "ss"},
    {"us", "us"},
    {"is", "is"},
    {"s", ""},
});

constexpr std::array<string_view, 22> session_words{
    "login",      "logout",          "signin",         "signout",   "signup",
    "register",   "token",           "oauth",          "authorize", "authenticate",
    "auth",       "refresh",         "callback",       "session",   "sessions",
    "password",   "forgot-password", "reset-password", "verify",    "otp",
    "introspect", "revoke"};
constexpr std::array<string_view, 14> moment_words{"health",
                                                   "healthz",
                                                   "healthcheck",
                                                   "livez",
                                                   "readyz",
                                                   "ready",
                                                   "live",
                                                   "liveness",
                                                   "readiness",
                                                   "ping",
                                                   "metrics",
                                                   "heartbeat",
                                                   "time",
                                                   "csrf"};
constexpr std::array<string_view, 14> question_words{"search",
                                                     "query",
                                                     "graphql",
                                                     "filter",
                                                     "find",
                                                     "lookup",
                                                     "validate",
                                                     "preview",
                                                     "estimate",
                                                     "export",
                                                     "calculate",
                                                     "check",
                                                     "autocomplete",
                                                     "suggest"};
constexpr std::array<string_view, 8> own_words{
    "me", "whoami", "userinfo", "self", "profile", "current", "currentuser", "account"};

bool is_among(string_view word, std::span<string_view const> words) {
    auto const wanted = bare(word);
    return std::ranges::any_of(words, [&](string_view each) { return bare(each) == wanted; });
}

}  // namespace

std::string singular(string_view word) {
    auto const small = lowered(word);
    for (auto const& p : plurals) {
        if (small.ends_with(p.end) && small.size() > p.end.size() + (p.end == "s" ? 1U : 0U)) {
            return std::string(word.substr(0, word.size() - p.end.size())) + std::string(p.instead);
        }
        if (small == p.end) {
            return std::string(p.instead.empty() ? word : p.instead);
        }
    }
    return std::string(word);
}

std::string bare(string_view name) {
    std::string out;
    for (char const c : name) {
        if (is_alnum(c) || static_cast<unsigned char>(c) >= 0x80) {
            out += lower(c);
        }
    }
    return out;
}

std::string kind_of(string_view word) {
    return bare(singular(word));
}

std::string kebab(string_view text) {
    constexpr std::size_t longest = 60;
    std::string out;
    bool gap = false;
    for (std::size_t i = 0; i < text.size() && out.size() < longest; ++i) {
        char const c = text[i];
        if (!is_alnum(c)) {
            gap = true;
            continue;
        }
        bool const begins =
            is_upper(c) && i > 0 &&
            (is_lower(text[i - 1]) || is_digit(text[i - 1]) ||
             (is_upper(text[i - 1]) && i + 1 < text.size() && is_lower(text[i + 1])));
        if ((gap || begins) && !out.empty()) {
            out += '-';
        }
        gap = false;
        out += lower(c);
    }
    return out;
}

std::string variable_name(string_view text) {
    constexpr std::size_t longest = 60;
    std::string out;
    bool raise = false;
    for (char const c : text.substr(0, longest)) {
        if (!is_alnum(c) && c != '_') {
            raise = !out.empty();
            continue;
        }
        out += raise && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
        raise = false;
    }
    if (out.empty()) {
        return "value";
    }
    // `null` would be no word to YAML.
    return is_digit(out.front()) || lowered(out) == "null" ? "_" + out : out;
}

std::string key_literal(string_view text) {
    constexpr std::size_t longest = 60;
    std::string out;
    for (char const c : text.substr(0, longest)) {
        out += is_alnum(c) || c == '_' || c == '.' || c == '-' ? c : '-';
    }
    // The proxy's own names in the store begin so.
    return out.empty() ? "x" : out == "sidecache" ? "sidecache-" : out;
}

std::string for_comment(string_view text, std::size_t longest) {
    std::string out;
    for (char const c : text.substr(0, longest)) {
        // YAML knows line ends and bytes it refuses beyond ASCII: nothing of that gets through.
        out += c >= 0x20 && c < 0x7F ? c : '?';
    }
    return text.size() > longest ? out + "..." : out;
}

bool is_session_word(string_view word) {
    return is_among(word, session_words);
}
bool is_moment_word(string_view word) {
    return is_among(word, moment_words);
}
bool is_question_word(string_view word) {
    return is_among(word, question_words);
}
bool is_own_word(string_view word) {
    return is_among(word, own_words);
}

}  // namespace sidecache::config::init
