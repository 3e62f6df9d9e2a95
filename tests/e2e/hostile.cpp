#include "tests/e2e/hostile.hpp"

#include "tests/support/http_client.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace sidecache::tests {

namespace {

constexpr std::string_view one_rule = R"(
rules:
  - {name: thing, match: "GET /things/{id}", key: "thing:{id}", ttl: 10m}
purges:
  - {name: changed, on: ["PUT /things/{id}", "POST /things/{id}", "DELETE /things/{id}"], patterns: ["thing:{id}*"]}
)";

std::string yaml(std::string const& url, hostile_options const& how) {
    std::string out = "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\n";
    out += "store: {url: \"" + how.store_url + "\"}\n";
    out += "upstream: {url: \"" + url + "\"";
    out += how.upstream.empty() ? "" : ", " + how.upstream;
    out += "}\n" + how.settings;
    out += how.rules.empty() ? one_rule : how.rules;
    return out;
}

/// Request ids that the proxy has made up are 32 hex digits.
std::string without_made_up_id(std::string text) {
    constexpr std::string_view name = "X-Request-Id: ";
    auto const at = text.find(name);
    if (at == std::string::npos) {
        return text;
    }
    auto const value = at + name.size();
    auto const end = text.find("\r\n", value);
    auto const is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (end - value == 32 && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(value),
                                         text.begin() + static_cast<std::ptrdiff_t>(end),
                                         is_hex)) {
        text.replace(value, 32, "...");
    }
    return text;
}

/// A status line's number; an answer's text may speak of HTTP/1.1 as well.
std::vector<int> statuses_in(std::string_view answers) {
    std::vector<int> out;
    constexpr std::string_view begin = "HTTP/1.1 ";
    for (auto at = answers.find(begin); at != std::string_view::npos;
         at = answers.find(begin, at + 1)) {
        auto const digits = answers.substr(at + begin.size(), 3);
        if (digits.size() == 3 &&
            std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
            out.push_back(std::stoi(std::string(digits)));
        }
    }
    return out;
}

}  // namespace

hostile_stage::hostile_stage(hostile_options options)
    : backend_(std::move(options.answer)), proxy_(yaml(backend_.url(), options)) {}

std::vector<std::string> hostile_stage::arrived() {
    auto const last = fetch(proxy_.port(), "GET", "/the-last-one");
    CHECK(last.status == 200);
    auto all = backend_.take();
    auto const is_last = [](std::string const& r) { return r.starts_with("GET /the-last-one "); };
    REQUIRE(std::ranges::count_if(all, is_last) == 1);
    std::erase_if(all, is_last);
    std::ranges::transform(all, all.begin(), without_made_up_id);
    return all;
}

void play(hostile_stage& on, exchange_row const& row) {
    CAPTURE(row.sent);
    http_client client(on.proxy().port());
    client.send_raw(row.sent);
    auto expected = row.arrives;
    if (row.closes) {
        auto const answers = client.receive_until_closed();
        CHECK(statuses_in(answers) == row.statuses);
    } else {
        for (std::size_t i = 0; i < row.statuses.size(); ++i) {
            auto const answer = client.receive(i == 0 ? row.method : "GET");
            CHECK(answer.status == row.statuses[i]);
            CHECK_FALSE(answer.closes);
        }
        // Both sides agree on where the next request begins.
        client.send_raw("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(client.receive("GET").body == "ok");
        expected.push_back(at_backend("GET /alive HTTP/1.1"));
    }
    auto const got = on.arrived();
    CHECK(got == expected);
    CHECK(on.backend().leftovers() == std::vector<std::string>{});
}

void play_all(hostile_stage& on, std::vector<exchange_row> const& table) {
    for (auto const& row : table) {
        play(on, row);
    }
}

std::string at_backend(std::string_view request_line,
                       std::string_view fields,
                       std::string_view framing,
                       std::string_view content,
                       std::string_view host) {
    std::string out(request_line);
    out.append("\r\n").append(fields);
    out += "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ";
    out.append(host);
    out += "\r\nVia: 1.1 sidecache\r\nX-Request-Id: ...\r\n";
    out.append(framing).append("\r\n").append(content);
    return out;
}

}  // namespace sidecache::tests
