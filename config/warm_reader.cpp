#include "config/warm_reader.hpp"

#include "config/file_text.hpp"
#include "config/problem.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

namespace sidecache::config {
namespace {

using std::string_view;

constexpr std::size_t most_warnings = 10;
constexpr std::size_t longest_target = 8'192;

bool is_field_name(string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               string_view("!#$%&'*+-.^_`|~").find(c) != string_view::npos;
    });
}

/// What the request is made of besides is not for a file to say.
bool is_ours(string_view name) {
    static constexpr std::array<string_view, 6> names{
        "Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Range"};
    return std::ranges::any_of(names, [&](auto n) { return rules::iequals(n, name); });
}

/// Calls `take(item)` for each text of a list.
template <class Take>
void for_each_text(section& s, string_view key, string_view example, Take take) {
    auto const* node = s.find(key);
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return;
    }
    if (node->what != yaml_node::kind::sequence) {
        s.findings().error(
            node->at, quoted(key) + " must be a list", "write " + std::string(example));
        return;
    }
    for (auto const& item : node->items) {
        if (s.expect_scalar(*item, key) != nullptr) {
            take(*item);
        }
    }
}

void read_headers(section& s, warm& out) {
    auto const* node = s.find("headers");
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return;
    }
    if (node->what != yaml_node::kind::map) {
        s.findings().error(node->at,
                           "`headers` must be a mapping of names to values",
                           "write headers: {Authorization: \"Bearer ${WARM_TOKEN}\"}");
        return;
    }
    for (auto const& [name, value] : node->entries) {
        auto const* const text = s.expect_scalar(*value, name.value);
        if (text == nullptr) {
            continue;
        }
        auto const is_value = [](char c) { return c == '\t' || (c >= ' ' && c != '\x7f'); };
        if (!is_field_name(name.value)) {
            s.findings().error(name.at, quoted(name.value) + " is not the name of a header", "");
        } else if (is_ours(name.value)) {
            s.findings().error(name.at,
                               quoted(name.value) + " cannot be given here",
                               "for Host there is `hosts`; the others follow from the request");
        } else if (!std::ranges::all_of(text->text, is_value)) {
            s.findings().error(text->at, "the value of a header holds a control character", "");
        } else {
            out.headers.emplace_back(name.value, text->text);
        }
    }
}

void read_lines(section& s, warm& out) {
    auto const* const node = s.find("file");
    if (node == nullptr) {
        return;
    }
    s.text("file", out.file);
    auto const text = read_text(out.file);
    if (auto const* const error = std::get_if<std::error_code>(&text)) {
        s.findings().error(node->at,
                           quoted(out.file) + " cannot be read: " + error->message(),
                           "write one URI a line there");
        return;
    }
    auto rest = string_view(std::get<std::string>(text));
    if (rest.size() >= most_read) {
        s.findings().error(node->at, quoted(out.file) + " is larger than 1 MiB", "split it");
        return;
    }
    for (std::size_t number = 1; !rest.empty(); ++number) {
        auto const end = std::min(rest.find('\n'), rest.size());
        auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (!is_target(line)) {
            s.findings().error(node->at,
                               out.file + ":" + std::to_string(number) + ": " + quoted(line) +
                                   " is not a path of the backend",
                               "begin it with `/`, as in /products?page=1");
            return;
        }
        out.paths.emplace_back(line);
    }
}

void read_section(section& s, warm& out) {
    for_each_text(s, "paths", "paths: [/products, /products/1]", [&](yaml_node const& item) {
        if (is_target(item.text)) {
            out.paths.push_back(item.text);
        } else {
            s.findings().error(item.at,
                               quoted(item.text) + " is not a path of the backend",
                               "begin it with `/`, as in /products?page=1");
        }
    });
    read_lines(s, out);
    for_each_text(s, "hosts", "hosts: [shop.example.com]", [&](yaml_node const& item) {
        auto const is_visible = [](char c) { return c > ' ' && c < '\x7f' && c != '/'; };
        if (item.text.empty() || !std::ranges::all_of(item.text, is_visible)) {
            s.findings().error(item.at, quoted(item.text) + " is not a host", "");
        } else {
            out.hosts.push_back(item.text);
        }
    });
    s.count("rate", out.rate, 1, 100'000);
    s.count("concurrency", out.concurrency, 1, 1'000);
    read_headers(s, out);
    s.boolean("at_start", out.at_start);
    if (out.paths.empty() && s.findings().errors() == 0) {
        s.findings().warning(s.at(),
                             "`warm` names nothing to fetch",
                             "give it paths or a file; `sidecache warm PATH...` needs none");
    }
}

/// Why nothing would be kept of it; empty: it would.
std::string_view hindrance(model const& m, rules::request const& asked, rules::decision& decided) {
    m.rules->decide(asked, decided);
    if (decided.what == rules::verdict::pass) {
        return "no rule matches it";
    }
    if (decided.what != rules::verdict::bypass) {
        return {};
    }
    if (decided.reason != rules::bypass_reason::unverified_identity) {
        return rules::name(decided.reason);
    }
    return m.warm->headers.empty() ? "its rule shares by identity, and `warm` has no `headers`"
                                   : std::string_view();
}

}  // namespace

bool is_target(string_view text) {
    auto const is_visible = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
    return text.starts_with('/') && text.size() <= longest_target &&
           std::ranges::all_of(text, is_visible);
}

std::optional<warm> read_warm(section& top) {
    auto const* const node = top.find("warm");
    if (node == nullptr || node->what == yaml_node::kind::nothing) {
        return std::nullopt;
    }
    warm out;
    top.child("warm", [&](section& s) { read_section(s, out); });
    return out;
}

void check_warm(model const& m, places const& where, report& out) {
    if (!m.warm || !m.rules) {
        return;
    }
    auto const found = where.find("warm.paths");
    auto const at = found != where.end() ? found->second : rules::position();
    if (m.upstream.fixed_host.empty() && m.warm->hosts.empty()) {
        out.warning(at,
                    "entries of different hosts are kept apart, and `warm` names no host",
                    "give `hosts` as clients call this service, or set upstream.host");
    }
    std::vector<rules::field> fields;
    for (auto const& [name, value] : m.warm->headers) {
        fields.push_back({name, value});
    }
    rules::decision decided;
    std::size_t wrong = 0;
    for (auto const& path : m.warm->paths) {
        rules::request asked;
        asked.method = "GET";
        asked.target = path;
        asked.host = "localhost";
        asked.fields = fields;
        auto const why = hindrance(m, asked, decided);
        if (!why.empty() && ++wrong <= most_warnings) {
            out.warning(at,
                        quoted(path) + " would not be cached: " + std::string(why),
                        "remove it from `warm`, or add a rule for it");
        }
    }
    if (wrong > most_warnings) {
        out.warning(
            at,
            std::to_string(wrong - most_warnings) + " more paths of `warm` would not be cached",
            "");
    }
}

}  // namespace sidecache::config
