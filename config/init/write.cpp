#include "config/init/write.hpp"

#include "config/init/words.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sidecache::config::init {
namespace {

using std::string_view;

bool is_plain(string_view text) {
    return !text.empty() && text != "~" && bare(text) != "null" &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '.' || c == '/';
           });
}

/// A scalar that is read back as it is, in flow and block alike: quoted unless a plain word.
std::string scalar(string_view text) {
    if (is_plain(text)) {
        return std::string(text);
    }
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x20 || byte == 0x7F) {
            out += "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        } else if (text.substr(i).starts_with("${")) {
            out += "$$";  // means itself
        } else {
            out += text[i] == '"' || text[i] == '\\' ? "\\" : "";
            out += text[i];
        }
    }
    return out + "\"";
}

/// The same in a block: routes and keys stand better without quotes.
std::string block(string_view text) {
    auto const is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               string_view("_./:{}*- ").find(c) != string_view::npos;
    };
    bool const is_safe = !text.empty() && bare(text) != "null" &&
                         std::ranges::all_of(text, is_fine) &&
                         string_view("{}*-: ").find(text.front()) == string_view::npos &&
                         !text.ends_with(':') && text.find(": ") == text.npos;
    return is_safe ? std::string(text) : scalar(text);
}

/// Comment lines of at most 100 bytes, broken between words; those after the first begin with
/// `hang`.
void comment(std::string& out, string_view indent, string_view text, string_view hang = "") {
    constexpr std::size_t width = 100;
    std::string line;
    auto const flush = [&] {
        out += std::string(indent) + "#" + line + "\n";
        line.clear();
    };
    while (!text.empty()) {
        auto const end = std::min(text.find(' '), text.size());
        auto const word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && indent.size() + line.size() + word.size() + 2 > width) {
            flush();
            line = hang;
        }
        line += " " + std::string(word);
    }
    flush();
}

class writer {
public:
    writer(api const& all, proposal const& what, surroundings const& around)
        : all_(all), what_(what), around_(around) {}

    std::string write() {
        head();
        settings();
        identity();
        rules();
        purges();
        rest();
        return std::move(out_);
    }

private:
    void line(string_view text) {
        out_ += text;
        out_ += '\n';
    }
    void say(string_view indent, string_view text) { comment(out_, indent, text); }

    std::string route(std::size_t i) const {
        auto const& o = all_.operations[i];
        return o.method + " " + for_comment(o.path) + " (line " + std::to_string(o.at.line) + ")";
    }

    void head() {
        auto const title = for_comment(all_.title);
        auto const version = for_comment(all_.version);
        line("# yaml-language-server: $schema=sidecache.schema.json");
        line("# (`sidecache schema > sidecache.schema.json` writes that file, for your editor.)");
        line("#");
        say("",
            "sidecache in front of " + (title.empty() ? "an API" : title) +
                (version.empty() ? "" : " " + version) + ", begun by `sidecache init` from " +
                for_comment(around_.source) + ".");
        line("#");
        say("",
            "This is a guess from routes and names, made so that rather too much is purged than "
            "too "
            "little. Read each rule and purge once: you know what the routes do, the file does not "
            "say.");
        line("#");
        line(
            "#   sidecache check FILE                     what it does, and what is wrong with it");
        line("#   sidecache explain FILE GET /path         what would happen to a request");
        line("#   sidecache run FILE");
        if (!all_.base_path.empty()) {
            line("#");
            say("",
                "Paths begin with " + for_comment(all_.base_path) +
                    ", as the file says. If something in front of sidecache takes that off, begin "
                    "again with --base /.");
        }
        line("");
    }

    void settings() {
        line("listen: ${SIDECACHE_LISTEN:-0.0.0.0:8080}");
        line("");
        line("upstream:");
        line("  url: " + setting("UPSTREAM_URL", around_.upstream));
        line("");
        line("store:");
        line("  # memory:// needs no Redis, for one replica.");
        line("  url: " + setting("REDIS_URL", around_.store));
        line("");
    }

    static std::string setting(string_view variable, string_view value) {
        auto const text = "${" + std::string(variable) + ":-" + std::string(value) + "}";
        auto const is_odd = value.find_first_of(" #\"'\\{}") != value.npos;
        return is_odd ? scalar(value) : text;
    }

    /// A route that says who asks, and what its answer calls it.
    operation const* who() const {
        for (auto const& o : all_.operations) {
            auto const slash = o.path.rfind('/');
            bool const is_own = o.method == "GET" && slash != o.path.npos &&
                                is_own_word(string_view(o.path).substr(slash + 1)) &&
                                o.caller != access::unseen;
            if (is_own) {
                return &o;
            }
        }
        return nullptr;
    }

    void identity() {
        bool const any =
            std::ranges::any_of(what_.rules, [](proposed_rule const& r) { return !r.is_public; });
        if (!any) {
            return;
        }
        std::string schemes;
        for (auto const& s : all_.security) {
            schemes += (schemes.empty() ? "" : ", ") + s;
        }
        say("",
            schemes.empty()
                ? "Who may share an entry: the file says nothing of security. So requests with the "
                  "same Authorization and Cookie share, and those without any. Where everybody "
                  "sees "
                  "the same, say `partition: none`."
                : "Who may share an entry: callers show credentials, " + schemes +
                      ". So each credential has entries of its own, which is safe and caches "
                      "little.");
        say("",
            "To share inside an organization, or among all of a user's sessions, let callers be "
            "verified: take the # away, check the names, and say `partition: [orgId]` (or "
            "[userId]) "
            "in each rule whose answer is the same for all of them:");
        line("#");
        line("# identity:");
        line("#   probe:");
        auto const* const known = who();
        line("#     path: " + (known == nullptr
                                   ? std::string("/me          # answers with who asks")
                                   : for_comment(known->path)));
        line("#     forward: [Authorization, Cookie]");
        line("#   vars: {" + variables(known) + "}");
        line("");
    }

    static std::string variables(operation const* known) {
        std::string out;
        constexpr std::array<std::pair<string_view, string_view>, 9> names{
            {{"id", "userId"},
             {"userid", "userId"},
             {"sub", "userId"},
             {"orgid", "orgId"},
             {"organizationid", "orgId"},
             {"organisationid", "orgId"},
             {"tenantid", "orgId"},
             {"companyid", "orgId"},
             {"workspaceid", "orgId"}}};
        for (auto const& member :
             known == nullptr ? std::vector<std::string>() : known->answer_members) {
            for (auto const& [word, name] : names) {
                bool const is_new = out.find(std::string(name) + ":") == out.npos;
                if (bare(member) == word && is_new) {
                    out += (out.empty() ? "" : ", ") + std::string(name) + ": response." + member;
                }
            }
        }
        return out.empty() ? "userId: response.id, orgId: response.organizationId" : out;
    }

    void vars(std::vector<proposed_variable> const& list) {
        if (list.empty()) {
            return;
        }
        line("    vars:");
        for (auto const& v : list) {
            line("      " + v.name + ": " +
                 (v.fallback
                      ? "{from: " + scalar(v.from) + ", default: " + scalar(*v.fallback) + "}"
                      : block(v.from)));
        }
    }

    /// What no purge reaches is stale for a while: that is for the author to decide, unless the API
    /// has no writes at all.
    bool is_offered(proposed_rule const& rule) const {
        return rule.is_ttl_only && what_.has_writes;
    }

    void rules() {
        if (std::ranges::all_of(what_.rules, [&](auto const& r) { return is_offered(r); })) {
            say("", "No route of the file is cached as it stands; why, is said below.");
            line("rules: []");
        } else {
            line("rules:");
        }
        for (auto const& rule : what_.rules) {
            say("  ", route(rule.operation));
            for (auto const& note : rule.notes) {
                say("  ", note);
            }
            auto const begin = out_.size();
            rule_lines(rule);
            if (is_offered(rule)) {
                auto const lines = out_.substr(begin);
                out_.resize(begin);
                say("  ",
                    "No write of the file seems to change it, so nothing would tell when it is "
                    "stale. "
                    "If it may be stale for a minute, take the # away:");
                comment_out(lines);
            }
            line("");
        }
        if (what_.rules.empty()) {
            line("");
        }
    }

    void comment_out(string_view lines) {
        while (!lines.empty()) {
            auto const end = lines.find('\n');
            line("  # " + std::string(lines.substr(2, end - 2)));
            lines.remove_prefix(end + 1);
        }
    }

    void rule_lines(proposed_rule const& rule) {
        line("  - name: " + scalar_name(rule.name));
        line("    match: " + block("GET " + rule.shape.path));
        vars(rule.vars);
        line("    key: " + block(rule.key()));
        line("    ttl: " + (rule.is_ttl_only ? "1m" : rule.ttl));
        if (!rule.lock_key.empty()) {
            line("    lock: {key: " + scalar(rule.lock_key) + "}");
        }
        if (rule.is_public) {
            line("    partition: none");
        }
        if (rule.includes_query) {
            line("    unlisted_query: include");
        }
        if (rule.is_bounded) {
            line("    max_keys: 10000");
        }
        if (rule.is_ttl_only) {
            line("    ttl_only: true");
        }
    }

    static std::string scalar_name(std::string const& name) {
        return bare(name) == "null" ? "\"" + name + "\"" : name;
    }

    void purges() {
        if (what_.purges.empty()) {
            return;
        }
        line("purges:");
        for (auto const& purge : what_.purges) {
            for (auto const i : purge.operations) {
                say("  ", route(i));
            }
            for (auto const& note : purge.notes) {
                say("  ", note);
            }
            line("  - name: " + scalar_name(purge.name));
            if (purge.on.size() == 1) {
                line("    on: " + block(purge.on.front()));
            } else {
                line("    on:");
                for (auto const& each : purge.on) {
                    line("      - " + block(each));
                }
            }
            vars(purge.vars);
            line("    patterns:");
            for (auto const& pattern : purge.patterns) {
                line("      - " + block(pattern));
            }
            line("");
        }
    }

    void rest() {
        list("Not cached, and why:", what_.reads);
        list("Writes without a purge (each still invalidates its own path), and why:",
             what_.writes);
        while (out_.ends_with("\n\n")) {
            out_.pop_back();
        }
    }

    void list(string_view heading, std::vector<left_out> const& routes) {
        if (routes.empty()) {
            return;
        }
        say("", heading);
        for (auto const& each : routes) {
            comment(
                out_, "", "  " + route(each.operation) + ": " + for_comment(each.why, 300), "    ");
        }
        line("");
    }

    api const& all_;
    proposal const& what_;
    surroundings const& around_;
    std::string out_;
};

}  // namespace

std::string write(api const& all, proposal const& what, surroundings const& around) {
    return writer(all, what, around).write();
}

}  // namespace sidecache::config::init
