// The behaviours of the public cache tests, each by its id: public_behaviours.txt, which says how
// to read it. rules/http_cache/README.md tells what is not met, and why; a test holds it to the
// count.
#include "tests/e2e/origin_stage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::tests;

namespace {

struct step {
    std::vector<std::string> request;   // "GET ?q", "Field: value"...
    std::vector<std::string> interim;   // "103", "Field: value"...
    std::vector<std::string> response;  // "200", "Field: value"...; empty: none is needed
    std::string content = "content";
    std::vector<std::string> expected;  // "cached 200", ...
};

struct behaviour {
    bool is_required = false;
    std::string id;
    std::string unmet;
    std::vector<step> steps;
};

std::vector<std::string> parts_of(std::string_view line) {
    std::vector<std::string> out;
    for (;;) {
        auto const end = line.find(" | ");
        out.emplace_back(line.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        line.remove_prefix(end + 3);
    }
}

std::vector<behaviour> read_all(std::string const& path) {
    std::ifstream in(path);
    REQUIRE(in.good());
    std::vector<behaviour> out;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') {
            continue;
        }
        if (line[0] != ' ') {
            auto const is_required = line.starts_with("must ");
            out.push_back({is_required, line.substr(line.find(' ') + 1), {}, {}});
            continue;
        }
        auto const text = line.substr(std::min<std::size_t>(4, line.size()));
        auto& b = out.back();
        switch (line[2]) {
            case '>':
                b.steps.emplace_back().request = parts_of(text);
                break;
            case '*':
                b.steps.back().interim = parts_of(text);
                break;
            case '<':
                b.steps.back().response = parts_of(text);
                break;
            case '+':
                b.steps.back().content = text;
                break;
            case '=':
                b.steps.back().expected = parts_of(text);
                break;
            default:
                b.unmet = line.substr(line.find(':') + 2);
        }
    }
    return out;
}

/// "Thursday, 18-Aug-50 02:01:18 GMT"
std::string rfc850_date(long long seconds) {
    auto const when = static_cast<std::time_t>(std::time(nullptr) + seconds);
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    std::array<char, 64> text{};
    auto const size = std::strftime(text.data(), text.size(), "%A, %d-%b-%y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

/// One playing of one behaviour: dates are told from one moment on.
class play {
public:
    play(origin_stage& stage, std::string target) : stage_(stage), target_(std::move(target)) {}

    /// What went otherwise; empty: nothing did.
    std::string run(behaviour const& b) {
        for (std::size_t i = 0; i < b.steps.size(); ++i) {
            if (auto const why = run(b.steps[i]); !why.empty()) {
                return "request " + std::to_string(i + 1) + ": " + why;
            }
        }
        return {};
    }

private:
    std::string run(step const& s) {
        auto const& first = s.request[0];
        auto const space = first.find(' ');
        auto const method = first.substr(0, space);
        auto const target =
            target_ + (space == std::string::npos ? std::string() : first.substr(space + 1));
        if (!s.response.empty()) {
            stage_.reply(target, lines_of(s.response), s.content, lines_of(s.interim));
        }
        auto fields = s.request;
        fields.erase(fields.begin());
        bool const has_body = method != "GET" && method != "HEAD";
        auto const answer =
            stage_.ask(method, target, fields_of(lines_of(fields)), has_body ? "abc" : "");
        auto const asked = stage_.asked();
        auto const status = " " + std::to_string(answer.status);
        auto const outcome = outcome_of(answer, asked) + status;
        if (outcome != s.expected[0] &&
            (!outcome.starts_with("validated") || s.expected[0] != "asked" + status)) {
            return outcome;
        }
        for (std::size_t i = 1; i < s.expected.size(); ++i) {
            if (!holds(s.expected[i], answer, asked)) {
                return "not '" + s.expected[i] + "'";
            }
        }
        return {};
    }

    static std::string outcome_of(http_response const& answer,
                                  std::vector<std::string> const& asked) {
        // What was asked behind the back of who was served what is stale does not count.
        bool const is_hit = answer["Cache-Status"].find("sidecache; hit") != std::string::npos;
        if (asked.empty() || is_hit) {
            return "cached";
        }
        bool const conditional = asked.back().find("\r\nIf-None-Match: ") != std::string::npos ||
                                 asked.back().find("\r\nIf-Modified-Since: ") != std::string::npos;
        return conditional ? "validated" : "asked";
    }

    bool holds(std::string const& what,
               http_response const& answer,
               std::vector<std::string> const& asked) const {
        auto const behind = [&](std::string_view word) -> std::optional<std::string> {
            return what.starts_with(word) ? std::optional(what.substr(word.size())) : std::nullopt;
        };
        if (auto const name = behind("no ")) {
            return !answer.field(*name);
        }
        if (auto const text = behind("content ")) {
            return answer.body == *text;
        }
        if (auto const status = behind("interim ")) {
            return answer.interims == std::vector<int>{std::stoi(*status)};
        }
        if (auto const field = behind("sent ")) {
            return !asked.empty() &&
                   asked.back().find("\r\n" + dated(*field) + "\r\n") != std::string::npos;
        }
        if (auto const over = what.find(" over "); over != std::string::npos) {
            auto const value = answer[what.substr(0, over)];
            return !value.empty() && std::stoll(value) > std::stoll(what.substr(over + 6));
        }
        auto const colon = what.find(": ");
        return answer[what.substr(0, colon)] == dated(what).substr(colon + 2);
    }

    std::string lines_of(std::vector<std::string> const& parts) const {
        std::string out;
        for (auto const& part : parts) {
            out += (out.empty() ? "" : "\n") + dated(part);
        }
        return out;
    }

    /// With dates in the place of their offsets.
    std::string dated(std::string const& field) const {
        auto const at = field.find(": @");
        if (at == std::string::npos) {
            return field;
        }
        auto const name = field.substr(0, at + 2);
        auto const text = std::string_view(field).substr(at + 3);
        if (text == "self") {
            return name + target_;
        }
        bool const is_850 = text.starts_with('@');
        long long seconds = 0;
        std::from_chars(text.data() + (is_850 ? 1 : 0), text.data() + text.size(), seconds);
        auto const since = seconds + began_ - std::time(nullptr);
        return name + (is_850 ? rfc850_date(since) : date_in(since));
    }

    origin_stage& stage_;
    std::string target_;
    std::time_t began_ = std::time(nullptr);
};

struct count {
    int met = 0;
    int all = 0;
};

/// `also`: met as well, `more` of them: what begins so.
void play_all(origin_stage::options const& how, std::string_view also = "-", int more = 0) {
    auto const all = read_all(SIDECACHE_PUBLIC_BEHAVIOURS);
    origin_stage stage(how);
    count required;
    count optimal;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto const& b = all[i];
        auto const why = play(stage, "/t/" + std::to_string(i)).run(b);
        bool const is_met = b.unmet.empty() || b.id.starts_with(also);
        CHECK_MESSAGE(why.empty() == is_met, b.id, ": ", why);
        auto& counted = b.is_required ? required : optimal;
        ++counted.all;
        counted.met += why.empty() ? 1 : 0;
    }
    // As rules/http_cache/README.md says.
    CHECK(required.met == 158);
    CHECK(required.all == 159);
    CHECK(optimal.met == 93 + more);
    CHECK(optimal.all == 104);
}

std::string const switches =
    ", store_set_cookie: true, store_errors: true, own_etag: false, vary_language: preference";

}  // namespace

TEST_CASE("the behaviours of the public cache tests, from memory") {
    play_all({.rule = switches});
}

TEST_CASE("the behaviours of the public cache tests, from the store") {
    play_all({.rule = switches, .near = "0"});
}

TEST_CASE("... and those of writes that failed, where a 500 is known to have changed nothing") {
    std::string const purge =
        "purges:\n"
        "  - name: any-write\n"
        "    on: [\"POST /{path*}\", \"PUT /{path*}\", \"DELETE /{path*}\", \"M-SEARCH "
        "/{path*}\"]\n"
        "    vars: {host: header.Host, uri: path.path}\n"
        "    patterns: [\"http:GET:{host}:{uri}\"]\n"
        "    unchanged_statuses: [400, 401, 403, 404, 405, 409, 410, 412, 422, 500, 501]\n";
    play_all({.rule = switches, .more = purge}, "invalidate-", 4);
}
