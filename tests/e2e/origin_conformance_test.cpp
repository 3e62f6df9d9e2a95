// What caches are asked to do by RFC 9110, 9111, 5861 and 9213, over real sockets: each row a
// behaviour, `must` where the specification requires it, `may` where it makes a cache a better one.
// The same set is played with the near cache and without. rules/http_cache/README.md says what is
// not met, and why.
#include "tests/e2e/origin_stage.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::tests;

namespace {

/// One request. `response` is what the backend would answer, "": it need not.
/// `outcome` is "cached", "asked" or "validated" (asked with a condition), and the status.
struct step {
    std::string request;  ///< "GET" or another method, then fields line by line
    std::string response;
    std::string outcome;
    std::string has{};    ///< fields of the answer, line by line
    std::string lacks{};  ///< names of fields that it must not have
    std::string content{};
};

struct behaviour {
    bool must;
    std::string name;
    std::vector<step> steps;
};

std::string const get = "GET";

/// Stored by `response`, then asked for again with `request`.
behaviour reuse(bool must, std::string name, std::string response, std::string second) {
    return {must,
            std::move(name),
            {{get, std::move(response), "asked 200"}, {get, "", std::move(second)}}};
}

std::string outcome_of(http_response const& answer, std::vector<std::string> const& asked) {
    std::string out = "cached";
    if (!asked.empty()) {
        bool const conditional = asked.back().find("\r\nIf-None-Match: ") != std::string::npos ||
                                 asked.back().find("\r\nIf-Modified-Since: ") != std::string::npos;
        out = conditional ? "validated" : "asked";
    }
    return out + " " + std::to_string(answer.status);
}

bool holds(step const& s, origin_stage& stage, std::string const& target, std::string& why) {
    auto const end = s.request.find('\n');
    auto const method = s.request.substr(0, end);
    auto const fields = end == std::string::npos ? "" : s.request.substr(end + 1);
    if (!s.response.empty()) {
        stage.reply(target, s.response, s.content.empty() ? "0123456789A" : s.content);
    }
    bool const has_body = method != "GET" && method != "HEAD";
    auto const answer = stage.ask(method, target, fields_of(fields), has_body ? "abc" : "");
    auto const outcome = outcome_of(answer, stage.asked());
    if (outcome != s.outcome) {
        why = "outcome is " + outcome + ", not " + s.outcome;
        return false;
    }
    for (auto const& [name, value] : fields_of(s.has)) {
        if (answer[name] != value) {
            why = name + " is '" + answer[name] + "', not '" + value + "'";
            return false;
        }
    }
    for (auto const& [name, value] : fields_of(s.lacks)) {
        if (answer.field(name)) {
            why = name + " is there";
            return false;
        }
    }
    return true;
}

void add_status(std::vector<behaviour>& all) {
    for (auto const* status : {"200",
                               "203",
                               "204",
                               "299",
                               "301",
                               "302",
                               "303",
                               "307",
                               "308",
                               "404",
                               "405",
                               "410",
                               "414",
                               "451",
                               "501"}) {
        std::string const s(status);
        all.push_back(
            {false,
             "a fresh " + s + " with explicit freshness is reused",
             {{get, s + "\nCache-Control: max-age=60", "asked " + s}, {get, "", "cached " + s}}});
        all.push_back(
            {true,
             "a stale " + s + " is not reused",
             {{get, s + "\nExpires: " + date_in(-5000), "asked " + s}, {get, s, "asked " + s}}});
    }
    // Optional where RFC 9111 section 3 alone is asked, and refused on purpose: SECURITY.md.
    for (auto const* status :
         {"400", "403", "422", "428", "429", "431", "499", "500", "503", "599"}) {
        std::string const s(status);
        all.push_back({true,
                       "a " + s + " is about one request, and not stored",
                       {{get, s + "\nCache-Control: public, max-age=60", "asked " + s},
                        {get, "200", "asked 200"}}});
    }
    for (auto const* status : {"200", "203", "204", "404", "405", "410", "414", "501"}) {
        std::string const s(status);
        all.push_back({false,
                       "a " + s + " is reused on a guess by Last-Modified",
                       {{get, s + "\nLast-Modified: " + date_in(-86400), "asked " + s},
                        {get, "", "cached " + s}}});
    }
    for (auto const* status : {"201", "202", "403", "502", "503", "504", "599"}) {
        std::string const s(status);
        all.push_back({true,
                       "a " + s + " is not reused on a guess",
                       {{get, s + "\nLast-Modified: " + date_in(-86400), "asked " + s},
                        {get, s, "asked " + s}}});
    }
    all.push_back(
        {false,
         "a 299 with Cache-Control: public is reused on a guess",
         {{get, "299\nCache-Control: public\nLast-Modified: " + date_in(-86400), "asked 299"},
          {get, "", "cached 299"}}});
    all.push_back({true,
                   "an unknown status with no-store, must-understand is not stored",
                   {{get, "299\nCache-Control: max-age=60, no-store, must-understand", "asked 299"},
                    {get, "299", "asked 299"}}});
    all.push_back(reuse(false,
                        "a known status with no-store, must-understand is stored",
                        "200\nCache-Control: max-age=60, no-store, must-understand",
                        "cached 200"));
}

void add_freshness(std::vector<behaviour>& all) {
    auto const add = [&](bool must, std::string const& fields, char const* second) {
        all.push_back(reuse(must, fields, "200\n" + fields, second));
    };
    all.push_back(reuse(true, "no freshness information", "200", "asked 200"));
    for (auto const* fields : {"Cache-Control: max-age=3600",
                               "Cache-Control: max-age=2147483648",
                               "Cache-Control: max-age=99999999999",
                               "Cache-Control: foobar, max-age=3600",
                               "Cache-Control: MaX-aGe=3600",
                               "Cache-Control: max-age=003600",
                               "Cache-Control: max-age=\"3600\"",
                               "Cache-Control: s-maxage=3600",
                               "Cache-Control: max-age=0, s-maxage=3600",
                               "Cache-Control: max-age=3600, must-revalidate",
                               "Cache-Control: max-age=3600\nExpires: 0"}) {
        add(false, fields, "cached 200");
    }
    add(false, "Cache-Control: max-age=3600\nExpires: " + date_in(-9999), "cached 200");
    add(false, "Expires: " + date_in(9999), "cached 200");
    add(false, "Expires: " + date_in(30) + "\nDate: foo", "cached 200");
    add(false, "Expires: Tue, 19 Jan 2038 14:14:08 GMT", "cached 200");
    add(false, "Expires: Sun, 21 Nov 2286 04:46:39 GMT", "cached 200");
    add(false, "Expires: Thursday, 18-Aug-50 02:01:18 GMT", "cached 200");
    add(false, "Expires: Thu Aug  8 02:01:18 2050", "cached 200");
    add(false, "Expires: THU, 18 Aug 2050 02:01:18 GMT", "cached 200");
    add(false, "Expires: Thu, 18 AUG 2050 02:01:18 GMT", "cached 200");
    add(false, "Expires: Thu, 18 Aug 2050 02:01:18 gMT", "cached 200");
    for (auto const* fields : {"Cache-Control: max-age=0",
                               "Cache-Control: max-age='3600'",
                               "Cache-Control: max-age=-100",
                               "Cache-Control: extension=\"max-age=3600\", max-age=0",
                               "Cache-Control: max-age=0, extension=\"max-age=3600\"",
                               "Cache-Control: max-age=3600, s-maxage=0",
                               "Cache-Control: s-maxage=0, max-age=3600",
                               "Cache-Control: max-age=3600\nCache-Control: s-maxage=0",
                               "Cache-Control: max-age=10\nAge: 15",
                               "Cache-Control: private, max-age=3600",
                               "Cache-Control: no-store",
                               "Cache-Control: No-StOrE",
                               "Cache-Control: max-age=3600, no-store",
                               "Cache-Control: max-age=3600, no-cache",
                               "Cache-Control: max-age=3600, No-CaChE",
                               "Expires: 0",
                               "Expires: Thu, 18 Aug 2050 02:01:18 UTC",
                               "Expires: Thu, 18 Aug 2050 02:01:18 AEST",
                               "Expires: Thu, 18 Aug 50 02:01:18 GMT",
                               "Expires: Thu 18 Aug 2050 02:01:18 GMT",
                               "Expires: Thu, 18  Aug  2050 02:01:18 GMT",
                               "Expires: Thu, 18-Aug-2050 02:01:18 GMT",
                               "Expires: Thu, 18 Aug 2050 02.01.18 GMT",
                               "Expires: Thu, 18 Aug 2050 2:01:18 GMT",
                               "Cache-Control: max-age=3600\nAge: 2147483647",
                               "Cache-Control: max-age=3600\nAge: 2147483648",
                               "Cache-Control: max-age=3600\nAge: 2147483649",
                               "Cache-Control: max-age=3600\nAge: 7200, 0",
                               "Cache-Control: max-age=3600\nAge: 7200\nAge: 0"}) {
        add(true, fields, "asked 200");
    }
    add(true, "Cache-Control: max-age=0\nExpires: " + date_in(9999), "asked 200");
    add(true, "Expires: " + date_in(-9999), "asked 200");
    add(true, "Expires: " + date_in(0) + "\nDate: " + date_in(0), "asked 200");
    add(true, "Expires: " + date_in(300) + "\nDate: " + date_in(400), "asked 200");
    add(true, "Expires: " + date_in(10) + "\nDate: " + date_in(-10) + "\nAge: 25", "asked 200");
    add(true, "Expires: " + date_in(20) + "\nDate: " + date_in(10) + "\nAge: 15", "asked 200");
    for (auto const* age : {"abc",
                            "-7200",
                            "7200.0",
                            "0, 7200",
                            "0, 0",
                            "0\nAge: 7200",
                            "0\nAge: 0",
                            "1800\nAge: 1800"}) {
        add(true, "Cache-Control: max-age=3600\nAge: " + std::string(age), "cached 200");
    }
    all.push_back({true,
                   "Age is given, and counts on",
                   {{get, "200\nCache-Control: max-age=3600\nAge: 30", "asked 200", "Age: 30"},
                    {get, "", "cached 200", "Age: 30"}}});
    auto const date = date_in(-7);
    all.push_back({true,
                   "Date is left as it was",
                   {{get, "200\nCache-Control: max-age=3600\nDate: " + date, "asked 200"},
                    {get, "", "cached 200", "Date: " + date}}});
}

void add_targeted(std::vector<behaviour>& all) {
    auto const add = [&](bool must, std::string const& fields, char const* second) {
        all.push_back(reuse(must, fields, "200\n" + fields, second));
    };
    for (auto const* fields : {"CDN-Cache-Control: max-age=3600",
                               "CDN-Cache-Control: max-age=2147483648",
                               "CDN-Cache-Control: max-age=99999999999",
                               "CDN-Cache-Control: foobar, max-age=3600",
                               "CDN-Cache-Control: max-age=3600\nExpires: 0",
                               "CDN-Cache-Control: max-age=3600\nCache-Control: max-age=0"}) {
        add(false, fields, "cached 200");
    }
    add(true, "CDN-Cache-Control: max-age=10000\nCache-Control: no-store", "cached 200");
    for (auto const* fields : {"CDN-Cache-Control: max-age=3600\nAge: 7200",
                               "CDN-Cache-Control: max-age=0",
                               "CDN-Cache-Control: max-age=0\nCache-Control: max-age=3600",
                               "CDN-Cache-Control: private\nCache-Control: max-age=3600",
                               "CDN-Cache-Control: no-cache\nCache-Control: max-age=3600",
                               "CDN-Cache-Control: no-store\nCache-Control: max-age=3600",
                               "CDN-Cache-Control: max-age=10000, &&&&&\nCache-Control: no-store",
                               "CDN-Cache-Control: max-age=\"10000\"\nCache-Control: no-store"}) {
        add(true, fields, "asked 200");
    }
    add(true, "CDN-Cache-Control: max-age=0\nExpires: " + date_in(9999), "asked 200");
}

void add_fields(std::vector<behaviour>& all) {
    for (auto const* line : {"Test-Header: a",
                             "X-Test-Header: a",
                             "Content-Foo: a",
                             "X-Content-Foo: a",
                             "Content-Encoding: a",
                             "Content-Range: a",
                             "Content-Location: /foo",
                             "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==",
                             "Content-Security-Policy: default-src 'self'",
                             "Content-Type: text/plain",
                             "Clear-Site-Data: cookies",
                             "ETag: \"abcdef\"",
                             "Expires: Fri, 01 Jan 2038 01:01:01 GMT",
                             "Public-Key-Pins: a",
                             "Set-Cookie: a=b",
                             "Set-Cookie2: a=b",
                             "X-Frame-Options: deny",
                             "X-XSS-Protection: 1",
                             "CDN-Cache-Control: foo, max-age=60"}) {
        std::string const field(line);
        all.push_back({true,
                       "stored: " + field,
                       {{get, "200\nCache-Control: max-age=3600\n" + field, "asked 200", field},
                        {get, "", "cached 200", field}}});
    }
    for (auto const* line : {"Connection: a, Test\nTest: 1",
                             "Keep-Alive: a",
                             "Proxy-Connection: a",
                             "Proxy-Authenticate: a",
                             "Proxy-Authentication-Info: a",
                             "Proxy-Authorization: a",
                             "TE: a",
                             "Upgrade: a"}) {
        std::string const field(line);
        auto const name = field.substr(field.rfind('\n') + 1);
        all.push_back({true,
                       "not stored: " + field,
                       {{get, "200\nCache-Control: max-age=3600\n" + field, "asked 200"},
                        {get, "", "cached 200", "", name.substr(0, name.find(':')) + ": x"}}});
    }
    for (auto const* pair : {"Test-Header|a|b",
                             "X-Test-Header|a|b",
                             "Content-Foo|a|b",
                             "X-Content-Foo|a|b",
                             "Content-Location|/a|/b",
                             "X-Frame-Options|deny|sameorigin"}) {
        std::string const text(pair);
        auto const one = text.find('|');
        auto const two = text.rfind('|');
        auto const name = text.substr(0, one);
        auto const before = name + ": " + text.substr(one + 1, two - one - 1);
        auto const after = name + ": " + text.substr(two + 1);
        std::string const tag = "\nETag: \"t\"\n";
        all.push_back(
            {true,
             "a 304 updates " + name,
             {{get, "200\nCache-Control: max-age=10\nAge: 20" + tag + before, "asked 200"},
              {get, "304\nCache-Control: max-age=60" + tag + after, "validated 200", after},
              {get, "", "cached 200", after}}});
    }
    all.push_back(
        {true,
         "a 304 leaves Content-Length, and what it does not name",
         {{get, "200\nCache-Control: max-age=10\nAge: 20\nETag: \"t\"\nX-A: 1", "asked 200"},
          {get,
           "304\nCache-Control: max-age=60\nETag: \"t\"",
           "validated 200",
           "Content-Length: 11\nX-A: 1"},
          {get, "", "cached 200", "Content-Length: 11\nX-A: 1"}}});
}

void add_validation(std::vector<behaviour>& all) {
    auto const lm = date_in(-3000);
    auto const conditional = [&](bool must,
                                 std::string name,
                                 std::string const& stored,
                                 std::string const& condition,
                                 std::string outcome,
                                 std::string has = "") {
        all.push_back({must,
                       std::move(name),
                       {{get, "200\nCache-Control: max-age=60\n" + stored, "asked 200"},
                        {"GET\n" + condition, "", std::move(outcome), std::move(has)}}});
    };
    conditional(
        false, "If-None-Match, strong", "ETag: \"abc\"", "If-None-Match: \"abc\"", "cached 304");
    conditional(true,
                "a 304 holds the ETag",
                "ETag: \"abc\"",
                "If-None-Match: \"abc\"",
                "cached 304",
                "ETag: \"abc\"");
    conditional(
        false, "If-None-Match, weak", "ETag: W/\"abc\"", "If-None-Match: W/\"abc\"", "cached 304");
    conditional(false,
                "If-None-Match, first of a list",
                "ETag: \"abc\"",
                "If-None-Match: \"abc\", \"x\", \"y\"",
                "cached 304");
    conditional(false,
                "If-None-Match, middle of a list",
                "ETag: \"abc\"",
                "If-None-Match: \"x\", \"abc\", \"y\"",
                "cached 304");
    conditional(false,
                "If-None-Match, last of a list",
                "ETag: \"abc\"",
                "If-None-Match: \"x\", \"y\", \"abc\"",
                "cached 304");
    conditional(
        true, "If-None-Match, another tag", "ETag: \"abc\"", "If-None-Match: \"x\"", "cached 200");
    conditional(true,
                "If-None-Match before If-Modified-Since",
                "ETag: \"abc\"\nLast-Modified: " + lm,
                "If-None-Match: \"abc\"\nIf-Modified-Since: " + date_in(-9999),
                "cached 304");
    conditional(true,
                "another tag before a date that fits",
                "ETag: \"abc\"\nLast-Modified: " + lm,
                "If-None-Match: \"x\"\nIf-Modified-Since: " + lm,
                "cached 200");
    conditional(false,
                "If-Modified-Since, the same",
                "Last-Modified: " + lm,
                "If-Modified-Since: " + lm,
                "cached 304");
    conditional(false,
                "If-Modified-Since, later",
                "Last-Modified: " + lm,
                "If-Modified-Since: " + date_in(-2000),
                "cached 304");
    conditional(true,
                "If-Modified-Since, earlier",
                "Last-Modified: " + lm,
                "If-Modified-Since: " + date_in(-9999),
                "cached 200");
    conditional(false,
                "If-Modified-Since where there is no Last-Modified: by Date",
                "X: y",
                "If-Modified-Since: " + date_in(30),
                "cached 304");
    std::string const stale = "200\nCache-Control: max-age=10\nAge: 20\n";
    all.push_back({false,
                   "a stale response is validated by its strong ETag",
                   {{get, stale + "ETag: \"abc\"", "asked 200"},
                    {get, "304\nETag: \"abc\"", "validated 200"}}});
    all.push_back({false,
                   "a stale response is validated by its weak ETag",
                   {{get, stale + "ETag: W/\"abc\"", "asked 200"},
                    {get, "304\nETag: W/\"abc\"", "validated 200"}}});
    all.push_back({false,
                   "a stale response is validated by its Last-Modified",
                   {{get, stale + "Last-Modified: " + lm, "asked 200"},
                    {get, "304\nLast-Modified: " + lm, "validated 200"}}});
    all.push_back({false,
                   "validated, and then answered with a 304",
                   {{get, stale + "Last-Modified: " + lm, "asked 200"},
                    {"GET\nIf-Modified-Since: " + lm,
                     "304\nCache-Control: max-age=60\nLast-Modified: " + lm,
                     "validated 304"}}});
    all.push_back({true,
                   "a validation asks with the fields that Vary names",
                   {{"GET\nAbc: 123", stale + "ETag: \"abc\"\nVary: Abc", "asked 200"},
                    {"GET\nAbc: 123", "304\nETag: \"abc\"\nVary: Abc", "validated 200"}}});
    all.push_back({false,
                   "no-cache is stored, and validated at each use",
                   {{get, "200\nCache-Control: no-cache\nETag: \"abc\"", "asked 200"},
                    {get, "304\nCache-Control: no-cache\nETag: \"abc\"", "validated 200"}}});
    all.push_back({false,
                   "no-cache with max-age likewise",
                   {{get, "200\nCache-Control: no-cache, max-age=60\nETag: \"abc\"", "asked 200"},
                    {get, "304\nETag: \"abc\"", "validated 200"}}});
    all.push_back({true,
                   "must-revalidate, stale, is validated",
                   {{get,
                     "200\nCache-Control: max-age=10, must-revalidate\nAge: 20\nETag: \"abc\"",
                     "asked 200"},
                    {get, "304\nETag: \"abc\"", "validated 200"}}});
    all.push_back(
        {true,
         "a 200 to a validation replaces what is stored",
         {{get, stale + "ETag: \"a\"\nX-A: 1", "asked 200"},
          {get, "200\nCache-Control: max-age=60\nETag: \"b\"\nX-A: 2", "validated 200", "X-A: 2"},
          {get, "", "cached 200", "X-A: 2"}}});
}

void add_vary(std::vector<behaviour>& all) {
    std::string const vary = "200\nCache-Control: max-age=60\nVary: ";
    auto const add = [&](bool must,
                         std::string name,
                         std::string const& names,
                         std::string const& first,
                         std::string const& second,
                         char const* outcome) {
        all.push_back(
            {must,
             std::move(name),
             {{"GET\n" + first, vary + names, "asked 200"}, {"GET\n" + second, "", outcome}}});
    };
    add(false, "Vary: the same value", "Foo", "Foo: 1", "Foo: 1", "cached 200");
    add(true, "Vary: another value", "Foo", "Foo: 1", "Foo: 2", "asked 200");
    add(true, "Vary: absent, then there", "Foo", "X: y", "Foo: 1", "asked 200");
    add(true, "Vary: there, then absent", "Foo", "Foo: 1", "X: y", "asked 200");
    add(false,
        "Vary: other fields do not matter",
        "Foo",
        "Foo: 1\nO: 2",
        "Foo: 1\nO: 3",
        "cached 200");
    add(false, "Vary: two names", "Foo, Bar", "Foo: 1\nBar: a", "Foo: 1\nBar: a", "cached 200");
    add(true,
        "Vary: two names, one differs",
        "Foo, Bar",
        "Foo: 1\nBar: a",
        "Foo: 2\nBar: a",
        "asked 200");
    add(true, "Vary: two names, both absent", "Foo, Bar", "Foo: 1\nBar: a", "X: y", "asked 200");
    add(false,
        "Vary: three names",
        "Foo, Bar, Baz",
        "Foo: 1\nBar: a\nBaz: 7",
        "Foo: 1\nBar: a\nBaz: 7",
        "cached 200");
    add(true,
        "Vary: three names, one differs",
        "Foo, Bar, Baz",
        "Foo: 1\nBar: a\nBaz: 7",
        "Foo: 2\nBar: a\nBaz: 7",
        "asked 200");
    add(true,
        "Vary: in another order, one differs",
        "Foo, Bar, Baz",
        "Foo: 1\nBar: a\nBaz: 7",
        "Foo: 1\nBaz: 7\nBar: b",
        "asked 200");
    add(false,
        "Vary: absent both times",
        "Foo, Bar, Baz",
        "Foo: 1\nBaz: 7",
        "Foo: 1\nBaz: 7",
        "cached 200");
    for (auto const* star : {"*", "*, *", "*\nVary: *", ", *", "\nVary: *", "*, Foo", "Foo, *"}) {
        add(true, "Vary: " + std::string(star), star, "Foo: 1", "Foo: 1", "asked 200");
    }
    add(false,
        "lines of one field are one list",
        "Foo",
        "Foo: 1, 2",
        "Foo: 1\nFoo: 2",
        "cached 200");
    add(false,
        "Accept-Language in other letters",
        "Accept-Language",
        "Accept-Language: en, de",
        "Accept-Language: eN, De",
        "cached 200");
    add(false,
        "Accept-Language with other spaces",
        "Accept-Language",
        "Accept-Language: en, de",
        "Accept-Language: en ,   de",
        "cached 200");
    add(false, "a list without spaces", "Foo", "Foo: 1,2", "Foo:  1, 2 ", "cached 200");
    add(false,
        "Accept-Language in another order",
        "Accept-Language",
        "Accept-Language: en, de",
        "Accept-Language: de, en",
        "cached 200");
    add(false,
        "the language that is preferred",
        "Accept-Language\nContent-Language: de",
        "Accept-Language: en, de",
        "Accept-Language: fr;q=0.5, de;q=1.0",
        "cached 200");
    all.push_back({false,
                   "two variants at once",
                   {{"GET\nFoo: 1", vary + "Foo\nX-A: 1", "asked 200"},
                    {"GET\nFoo: 2", vary + "Foo\nX-A: 2", "asked 200"},
                    {"GET\nFoo: 1", "", "cached 200", "X-A: 1"},
                    {"GET\nFoo: 2", "", "cached 200", "X-A: 2"}}});
}

void add_parts(std::vector<behaviour>& all) {
    std::string const stored = "200\nCache-Control: max-age=60\nA: 1\nContent-Type: text/plain";
    auto const add = [&](std::string const& range, char const* outcome, std::string has) {
        all.push_back(
            {false,
             "a part of what is stored: " + range,
             {{get, stored, "asked 200"}, {"GET\nRange: " + range, "", outcome, std::move(has)}}});
    };
    add("bytes=0-1", "cached 206", "Content-Range: bytes 0-1/11\nContent-Length: 2");
    add("bytes=1-", "cached 206", "Content-Range: bytes 1-10/11\nContent-Length: 10");
    add("bytes=-1", "cached 206", "Content-Range: bytes 10-10/11\nContent-Length: 1");
    add("bytes=20-", "cached 416", "Content-Range: bytes */11");
    add("items=0-1", "cached 200", "Content-Length: 11");
    all.push_back(
        {true,
         "a part has the stored fields",
         {{get, stored, "asked 200"}, {"GET\nRange: bytes=0-1", "", "cached 206", "A: 1"}}});
    all.push_back({true,
                   "a part that the backend sent is not taken for the whole",
                   {{"GET\nRange: bytes=0-1",
                     "206\nCache-Control: max-age=60\nContent-Range: bytes 0-1/11",
                     "asked 206",
                     "",
                     "",
                     "01"},
                    {get, stored, "asked 200"}}});
}

void add_stale(std::vector<behaviour>& all) {
    for (auto const* forbids : {"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"}) {
        all.push_back(
            {true,
             "never stale, though nobody answers: " + std::string(forbids),
             {{get,
               "200\nCache-Control: max-age=2, " + std::string(forbids) + "\nAge: 10\nETag: \"a\"",
               "asked 200"},
              {get, "0", "validated 502"}}});
    }
    all.push_back({false,
                   "stale when the backend closes the connection",
                   {{get, "200\nCache-Control: max-age=2\nAge: 10\nETag: \"a\"", "asked 200"},
                    {get, "0", "validated 200"}}});
    all.push_back({true,
                   "a 503 is passed on where nothing allows what is stale",
                   {{get, "200\nCache-Control: max-age=2\nAge: 10\nETag: \"a\"", "asked 200"},
                    {get, "503", "validated 503"}}});
    all.push_back({false,
                   "stale-if-error and a 503",
                   {{get,
                     "200\nCache-Control: max-age=2, stale-if-error=60\nAge: 10\nETag: \"a\"",
                     "asked 200"},
                    {get, "503", "validated 200"}}});
    all.push_back({true,
                   "not beyond stale-if-error",
                   {{get,
                     "200\nCache-Control: max-age=2, stale-if-error=5\nAge: 10\nETag: \"a\"",
                     "asked 200"},
                    {get, "503", "validated 503"}}});
    all.push_back(
        {true,
         "not beyond stale-while-revalidate",
         {{get,
           "200\nCache-Control: max-age=2, stale-while-revalidate=4\nAge: 10\nETag: \"a\"",
           "asked 200"},
          {get, "304\nETag: \"a\"", "validated 200"}}});
}

void add_requests(std::vector<behaviour>& all) {
    std::string const stored = "200\nCache-Control: max-age=60\nAge: 30";
    auto const add = [&](std::string const& field, char const* outcome) {
        all.push_back({false,
                       "request " + field,
                       {{get, stored, "asked 200"}, {"GET\n" + field, "", outcome}}});
    };
    add("Cache-Control: max-age=0", "asked 200");
    add("Cache-Control: max-age=10", "asked 200");
    add("Cache-Control: max-age=50", "cached 200");
    add("Cache-Control: min-fresh=50", "asked 200");
    add("Cache-Control: min-fresh=10", "cached 200");
    add("Cache-Control: no-cache", "asked 200");
    add("Pragma: no-cache", "asked 200");
    add("Pragma: other", "cached 200");
    add("Cache-Control: only-if-cached", "cached 200");
    all.push_back({false,
                   "request max-stale",
                   {{get, "200\nCache-Control: max-age=10\nAge: 20", "asked 200"},
                    {"GET\nCache-Control: max-stale=1000", "", "cached 200"}}});
    all.push_back({false,
                   "request only-if-cached without an entry",
                   {{"GET\nCache-Control: only-if-cached", "", "cached 504"}}});
    all.push_back({false,
                   "request no-cache validates what is fresh",
                   {{get, stored + "\nETag: \"a\"", "asked 200"},
                    {"GET\nCache-Control: no-cache", "304\nETag: \"a\"", "validated 200"}}});
    all.push_back(
        {true,
         "request no-store is not stored",
         {{"GET\nCache-Control: no-store", stored, "asked 200"}, {get, stored, "asked 200"}}});
    std::string const auth = "GET\nAuthorization: Basic eDp5";
    all.push_back(
        {true,
         "Authorization: not for others",
         {{auth, "200\nExpires: " + date_in(9999), "asked 200"}, {get, "", "asked 200"}}});
    for (auto const* allows : {"public", "must-revalidate", "s-maxage=60"}) {
        all.push_back(
            {false,
             "Authorization with " + std::string(allows),
             {{auth, "200\nCache-Control: max-age=60, " + std::string(allows), "asked 200"},
              {get, "", "cached 200"}}});
    }
    all.push_back({false,
                   "a request with Cookie is answered",
                   {{get, stored, "asked 200"}, {"GET\nCookie: a=b", "", "cached 200"}}});
    all.push_back({false,
                   "a response with Set-Cookie is reused, where the rule says so",
                   {{get, stored + "\nSet-Cookie: a=b", "asked 200"}, {get, "", "cached 200"}}});
    all.push_back({true,
                   "HEAD is answered by the GET's entry",
                   {{get, stored, "asked 200"}, {"HEAD", "", "cached 200", "Content-Length: 11"}}});
    all.push_back({true,
                   "a HEAD's answer is not taken for a GET's",
                   {{"HEAD", stored, "asked 200"}, {get, stored, "asked 200"}}});
}

void add_invalidation(std::vector<behaviour>& all) {
    for (std::string const method : {"POST", "PUT", "DELETE", "M-SEARCH"}) {
        all.push_back({true,
                       method + " makes its URI stale",
                       {{get, "200\nCache-Control: max-age=60", "asked 200"},
                        {method, "200", "asked 200"},
                        {get, "", "asked 200"}}});
        all.push_back({false,
                       "a refused " + method + " makes nothing stale",
                       {{get, "200\nCache-Control: max-age=60", "asked 200"},
                        {method, "403", "asked 403"},
                        {get, "", "cached 200"}}});
    }
}

void play(origin_stage::options const& how) {
    std::vector<behaviour> all;
    add_status(all);
    add_freshness(all);
    add_targeted(all);
    add_fields(all);
    add_validation(all);
    add_vary(all);
    add_parts(all);
    add_stale(all);
    add_requests(all);
    add_invalidation(all);

    origin_stage stage(how);
    int met[2] = {0, 0};
    int asked[2] = {0, 0};
    int id = 0;
    for (auto const& b : all) {
        auto const target = "/t/" + std::to_string(++id);
        bool good = true;
        for (std::size_t i = 0; good && i < b.steps.size(); ++i) {
            std::string why;
            good = holds(b.steps[i], stage, target, why);
            CHECK_MESSAGE(good,
                          (b.must ? "must: " : "may: "),
                          b.name,
                          ", request ",
                          std::to_string(i + 1),
                          ": ",
                          why);
        }
        ++asked[b.must ? 1 : 0];
        met[b.must ? 1 : 0] += good ? 1 : 0;
    }
    MESSAGE("must: ", met[1], " of ", asked[1], ", may: ", met[0], " of ", asked[0]);
}

}  // namespace

TEST_CASE("what RFC 9111 asks of a shared cache, from memory") {
    play({.rule = ", store_set_cookie: true, own_etag: false, vary_language: preference"});
}

TEST_CASE("what RFC 9111 asks of a shared cache, from the store") {
    play({.rule = ", store_set_cookie: true, own_etag: false, vary_language: preference",
          .near = "0"});
}
