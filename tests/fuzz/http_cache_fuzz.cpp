// RFC 9111 over whatever a client asks and a backend answers. Two bytes for the status, three for
// the body's size, then lines: the request's target, its fields, an empty line, the response's
// fields, an empty line, the fields of a 304 that follows it.
//
// Besides not crashing, what must hold:
// - a part lies inside the body, and what is made of parts is not much more than the body;
// - what is kept may be given to whoever has asked for it, in every spelling of his wish;
// - nothing that forbids storing hides behind what stands before it in its line;
// - what is fresh at some age is fresh before it, and nothing is kept for ever;
// - no value that goes to a backend or into a path ends a line.
#include "rules/http_cache/conditional.hpp"
#include "rules/http_cache/date.hpp"
#include "rules/http_cache/freshness.hpp"
#include "rules/http_cache/head_lines.hpp"
#include "rules/http_cache/invalidation.hpp"
#include "rules/http_cache/range.hpp"
#include "rules/http_cache/storability.hpp"
#include "rules/http_cache/validation.hpp"
#include "rules/storable.hpp"
#include "rules/vary.hpp"
#include "tests/rules/definitions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using fields = std::vector<field>;

namespace {

constexpr unix_milliseconds now = 1'700'000'000'000;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::string_view take_line(std::string_view& text) {
    auto const end = text.find('\n');
    auto const line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return line;
}

/// As a parser of ours would have let them through: no CR, no NUL.
fields take_fields(std::string_view& text) {
    fields out;
    for (auto line = take_line(text); !line.empty(); line = take_line(text)) {
        auto const colon = line.find(':');
        bool const is_clean = line.find_first_of(std::string_view("\r\0", 2)) == line.npos;
        if (colon != std::string_view::npos && colon != 0 && is_clean) {
            out.push_back({line.substr(0, colon), line.substr(colon + 1)});
        }
    }
    return out;
}

unsigned number(std::string_view& text, std::size_t bytes) {
    unsigned n = 0;
    for (; bytes != 0 && !text.empty(); --bytes) {
        n = n * 256 + static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
    }
    return n;
}

void check_parts(request const& asked, unsigned status, fields const& response, std::size_t size) {
    auto const part = evaluate_range(asked, status, response, size, now);
    std::uint64_t total = 0;
    for (auto const& r : part.ranges) {
        require(r.first <= r.last && r.last < size);
        total += r.size();
    }
    require(part.ranges.size() <= max_ranges);
    require(part.ranges.size() <= 1 || total <= size);
    if (part.what == range_answer::kind::parts && size < 5'000) {
        auto const content = multipart(std::string(size, 'x'), part.ranges, "a/b", "bound");
        require(content.size() <= size + 128 * (part.ranges.size() + 1));
    }
}

void check_directives(fields const& response) {
    for (auto const& f : response) {
        for (std::string_view const last : {"private", "no-store", "no-cache", "private =x"}) {
            auto const line = std::string(f.value) + ", " + std::string(last);
            fields const forbidding{{"Cache-Control", line}};
            auto const d = read_response_directives(forbidding);
            require(d.no_store || d.is_private || d.no_cache || !d.private_fields.empty());
        }
    }
}

void check_freshness(freshness const& f, request_directives const& asked) {
    require(f.lifetime >= seconds(0) && f.lifetime <= seconds(longest_delta) * 400);
    bool was_fresh = true;
    for (std::int64_t age = 0; age <= 1LL << 33; age = age * 3 + 1) {
        bool const is_fresh = may_reuse(f, milliseconds(age), asked) == reuse::fresh;
        require(was_fresh || !is_fresh);
        was_fresh = is_fresh;
        may_serve_on(trouble::error, f, milliseconds(age), asked);
    }
}

void check_kept(request const& asked, unsigned status, fields const& response) {
    rule_definition rule = test::a_rule("rest", "GET /{path*}", "");
    rule.origin = true;
    auto const verdict = may_keep(rule, asked, status, response, now - 1'000, now);
    auto const* const k = std::get_if<kept>(&verdict);
    if (k == nullptr) {
        return;
    }
    require(status >= 200 && status != 206 && status != 304 && !find_field(response, "Set-Cookie"));
    require(k->fresh <= k->life && k->life > milliseconds(0) && k->life <= longest_kept);
    check_freshness(k->freshness, read_request_directives(asked.fields));
    std::vector<std::pair<std::string_view, std::string_view>> vary(k->vary.begin(), k->vary.end());
    require(vary_matches(vary, asked));
}

void check_validation(fields const& stored, fields const& newer) {
    auto const v = validators_of(stored);
    for (bool const purged : {false, true}) {
        if (may_validate(v, purged)) {
            for (auto const& f : condition_of(v, purged)) {
                require(f.value.find_first_of("\r\n") == std::string_view::npos);
                require(!purged || v.is_strong);
            }
        }
    }
    is_about(newer, v);
    for (auto const& f : updated_fields(stored, newer)) {
        require(!f.name.empty());
    }
    head_differs(stored, 1, newer, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view text(reinterpret_cast<char const*>(data), size);
    unsigned const status = 100 + number(text, 2) % 500;
    std::size_t const body = number(text, 3);
    auto const target = take_line(text);
    // No parser of ours lets another one in.
    if (!target.starts_with('/') || std::ranges::any_of(target, [](char c) {
            return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#';
        })) {
        return 0;
    }
    auto const asking = take_fields(text);
    auto const response = take_fields(text);
    auto const newer = take_fields(text);
    request const asked{.method = "GET",
                        .target = target,
                        .host = "shop.example",
                        .fields = asking,
                        .has_body = false,
                        .identity = std::nullopt};
    check_parts(asked, status, response, body);
    check_directives(response);
    check_kept(asked, status, response);
    check_validation(response, newer);
    evaluate(asked, status, response, now);
    for (auto const& path : made_stale(asked, status, response).paths) {
        require(path.find_first_of("\r\n?#") == std::string::npos);
    }
    return 0;
}
