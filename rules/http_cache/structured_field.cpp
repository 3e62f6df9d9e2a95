#include "rules/http_cache/structured_field.hpp"

#include <algorithm>
#include <cstddef>

namespace sidecache::rules::http_cache {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_alpha(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}
bool is_token_char(char c) {
    return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~:/");
}
bool is_key_char(char c) {
    return is_lower(c) || is_digit(c) || is_one_of(c, "_-.*");
}
bool is_base64(char c) {
    return is_alpha(c) || is_digit(c) || is_one_of(c, "+/=");
}

/// The algorithms of RFC 8941 section 4.2, each named after its section. All return false for what
/// they cannot read, and then nothing counts.
class parser {
public:
    explicit parser(std::string_view text) : rest_(text) {}

    /// 4.2.2. Parsing a Dictionary
    bool dictionary(std::vector<member>& out) {
        skip(" ");
        while (!rest_.empty()) {
            member m;
            if (!key(m.key)) {
                return false;
            }
            if (take('=')) {
                if (!item_or_inner_list(m)) {
                    return false;
                }
            } else if (!parameters()) {
                return false;
            }
            put(out, std::move(m));
            skip(" \t");
            if (rest_.empty()) {
                return true;
            }
            if (!take(',')) {
                return false;
            }
            skip(" \t");
            if (rest_.empty()) {
                return false;  // a trailing comma
            }
        }
        return true;
    }

    /// 4.2.1. Parsing a List
    bool list(std::vector<member>& out) {
        skip(" ");
        while (!rest_.empty()) {
            member m;
            if (!item_or_inner_list(m)) {
                return false;
            }
            out.push_back(std::move(m));
            skip(" \t");
            if (rest_.empty()) {
                return true;
            }
            if (!take(',')) {
                return false;
            }
            skip(" \t");
            if (rest_.empty()) {
                return false;  // a trailing comma
            }
        }
        return true;
    }

private:
    static void put(std::vector<member>& out, member m) {
        auto const same =
            std::find_if(out.begin(), out.end(), [&](member const& o) { return o.key == m.key; });
        if (same != out.end()) {
            out.erase(same);
        }
        out.push_back(std::move(m));
    }
    void skip(std::string_view set) {
        auto const n = rest_.find_first_not_of(set);
        rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    /// 4.2.3.3. Parsing a Key
    bool key(std::string_view& out) {
        if (rest_.empty() || (!is_lower(rest_.front()) && rest_.front() != '*')) {
            return false;
        }
        std::size_t n = 1;
        while (n < rest_.size() && is_key_char(rest_[n])) {
            ++n;
        }
        out = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return true;
    }

    /// 4.2.1.1 and 4.2.1.2. An item or inner list with its parameters
    bool item_or_inner_list(member& m) {
        if (rest_.starts_with('(')) {
            m.what = member::kind::inner_list;
            return inner_list() && parameters();
        }
        return bare_item(m) && parameters();
    }
    bool inner_list() {
        rest_.remove_prefix(1);
        while (!rest_.empty()) {
            skip(" ");
            if (take(')')) {
                return true;
            }
            member ignored;
            if (!bare_item(ignored) || !parameters() ||
                (!rest_.starts_with(' ') && !rest_.starts_with(')'))) {
                return false;
            }
        }
        return false;
    }

    /// 4.2.3.2. Parsing Parameters
    bool parameters() {
        while (take(';')) {
            skip(" ");
            std::string_view name;
            if (!key(name)) {
                return false;
            }
            member ignored;
            if (take('=') && !bare_item(ignored)) {
                return false;
            }
        }
        return true;
    }

    /// 4.2.3.1. Parsing a Bare Item
    bool bare_item(member& m) {
        if (rest_.empty()) {
            return false;
        }
        auto const c = rest_.front();
        if (c == '-' || is_digit(c)) {
            return number(m);
        }
        if (c == '"') {
            return string(m);
        }
        if (c == '*' || is_alpha(c)) {
            return token(m);
        }
        if (c == ':') {
            return bytes(m);
        }
        return c == '?' && boolean(m);
    }

    /// 4.2.4. Parsing an Integer or Decimal
    bool number(member& m) {
        bool const negative = take('-');
        std::size_t n = 0;
        std::size_t point = std::string_view::npos;
        m.integer = 0;
        while (n < rest_.size()) {
            auto const c = rest_[n];
            if (is_digit(c)) {
                if (point == std::string_view::npos) {
                    m.integer = m.integer * 10 + (c - '0');
                }
            } else if (c == '.' && point == std::string_view::npos) {
                if (n > 12) {
                    return false;
                }
                point = n;
            } else {
                break;
            }
            ++n;
            if (n > (point == std::string_view::npos ? 15U : 16U)) {
                return false;
            }
        }
        if (n == 0 || point == 0) {
            return false;
        }
        m.what = member::kind::integer;
        if (point != std::string_view::npos) {
            if (n == point + 1 || n - point - 1 > 3) {
                return false;
            }
            m.what = member::kind::decimal;
        }
        m.integer = negative ? -m.integer : m.integer;
        rest_.remove_prefix(n);
        return true;
    }

    /// 4.2.5. Parsing a String
    bool string(member& m) {
        m.what = member::kind::string;
        rest_.remove_prefix(1);
        while (!rest_.empty()) {
            auto const c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') {
                return true;
            }
            if (c == '\\') {
                if (rest_.empty() || !is_one_of(rest_.front(), "\"\\")) {
                    return false;
                }
                m.text += rest_.front();
                rest_.remove_prefix(1);
            } else if (c < 0x20 || c > 0x7e) {
                return false;
            } else {
                m.text += c;
            }
        }
        return false;
    }

    /// 4.2.6. Parsing a Token
    bool token(member& m) {
        m.what = member::kind::token;
        std::size_t n = 1;
        while (n < rest_.size() && is_token_char(rest_[n])) {
            ++n;
        }
        m.text.assign(rest_.substr(0, n));
        rest_.remove_prefix(n);
        return true;
    }

    /// 4.2.7. Parsing a Byte Sequence
    bool bytes(member& m) {
        m.what = member::kind::bytes;
        rest_.remove_prefix(1);
        auto const end = rest_.find(':');
        if (end == std::string_view::npos) {
            return false;
        }
        auto const text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return std::all_of(text.begin(), text.end(), is_base64);
    }

    /// 4.2.8. Parsing a Boolean
    bool boolean(member& m) {
        m.what = member::kind::boolean;
        rest_.remove_prefix(1);
        m.boolean = rest_.starts_with('1');
        return take('0') || take('1');
    }

    std::string_view rest_;
};

}  // namespace

namespace {

std::string_view without_trailing_space(std::string_view text) {
    auto const last = text.find_last_not_of(' ');
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

}  // namespace

bool read_dictionary(std::string_view text, std::vector<member>& out) {
    out.clear();
    return parser(without_trailing_space(text)).dictionary(out);
}

bool read_list(std::string_view text, std::vector<member>& out) {
    out.clear();
    return parser(without_trailing_space(text)).list(out);
}

}  // namespace sidecache::rules::http_cache
