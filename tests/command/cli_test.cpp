#include "proxy/version.hpp"
#include "tests/support/process.hpp"
#include "tests/support/sockets.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

/// The program as it is called: what it prints where, and its exit codes.
namespace sidecache::tests {
namespace {

constexpr char products[] = SIDECACHE_CONFIG_DIR "/products.yaml";

finished sidecache(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SIDECACHE_PROGRAM);
    process_options options;
    options.argv = std::move(arguments);
    return run(std::move(options));
}

TEST_CASE("--version and --help print to stdout and succeed") {
    auto const printed = sidecache({"--version"});
    CHECK(printed.status == exit_status{0, 0});
    CHECK(printed.out == std::string("sidecache ") + version + "\n");
    CHECK(printed.err == "");

    auto const help = sidecache({"--help"});
    CHECK(help.status == exit_status{0, 0});
    for (std::string const word : {"run",
                                   "init",
                                   "check",
                                   "explain",
                                   "purge",
                                   "warm",
                                   "drain",
                                   "stats",
                                   "schema",
                                   "completion",
                                   "man",
                                   "Examples:",
                                   "Exit codes:"}) {
        CAPTURE(word);
        CHECK(help.out.find(word) != std::string::npos);
    }
}

TEST_CASE("check --dump prints a file that could be used instead, or nothing") {
    auto const dumped = sidecache({"check", "--dump", products});
    CHECK(dumped.status == exit_status{0, 0});
    temp_dir folder;
    auto const again = sidecache({"check", folder.write("dumped.yaml", dumped.out)});
    CAPTURE(again.out);
    CHECK(again.status == exit_status{0, 0});

    auto const broken = folder.write("broken.yaml", "admin: {token: s3cret}\nlisen: 1\n");
    auto const refused = sidecache({"check", "--dump", broken});
    CHECK(refused.status == exit_status{1, 0});
    CHECK(refused.out == "");
    CHECK(refused.err.find("did you mean `listen`?") != std::string::npos);
    CHECK(refused.err.find("s3cret") == std::string::npos);
}

TEST_CASE("schema prints the schema that lies beside the examples") {
    std::ifstream in(SIDECACHE_CONFIG_DIR "/schema.json");
    std::ostringstream text;
    text << in.rdbuf();
    auto const printed = sidecache({"schema"});
    CHECK(printed.status == exit_status{0, 0});
    CHECK(printed.out == text.str());
}

TEST_CASE("init writes a file that check has nothing to say about, and never over another") {
    temp_dir const folder;
    auto const api = folder.write("api.yaml",
                                  "openapi: 3.0.0\n"
                                  "paths:\n"
                                  "  /products: {get: {}, post: {}}\n"
                                  "  /products/{id}: {get: {}, put: {}}\n");
    auto const printed = sidecache({"init", api});
    CHECK(printed.status == exit_status{0, 0});
    CHECK(printed.err == "");
    CHECK(printed.out.starts_with("# yaml-language-server: $schema="));

    auto const file = folder.path().string() + "/sidecache.yaml";
    auto const written = sidecache({"init", api, "-o", file, "--store", "memory://"});
    CHECK(written.status == exit_status{0, 0});
    CHECK(written.out == "");
    CHECK(written.err.starts_with(file + ": 2 rules, 2 purges; 0 routes left out"));
    auto const checked = sidecache({"check", file});
    CHECK(checked.status == exit_status{0, 0});
    CHECK(checked.out.ends_with("2 rules, 2 purges, no findings\n"));

    auto const again = sidecache({"init", api, "-o", file});
    CHECK(again.status == exit_status{1, 0});
    CHECK(again.err.ends_with("it exists; --force replaces it\n"));
    CHECK(sidecache({"init", api, "-o", file, "--force"}).status == exit_status{0, 0});

    auto const broken =
        sidecache({"init", folder.write("broken.yaml", "openapi: 3.0.0\npaths: [")});
    CHECK(broken.status == exit_status{1, 0});
    CHECK(broken.out == "");
    CHECK(broken.err.find("broken.yaml:2:") != std::string::npos);
    CHECK(sidecache({"init", folder.path().string() + "/none"}).status == exit_status{1, 0});
    auto const secret = sidecache({"init", api, "--store", "redis://:hunter2@redis:6379/0"});
    CHECK(secret.status == exit_status{2, 0});
    CHECK(secret.err.find("hunter2") == std::string::npos);
}

TEST_CASE("wrong usage is 2, and says so on stderr") {
    std::vector<std::vector<std::string>> const calls{
        {},
        {"run"},
        {"check"},
        {"explain", products, "GET"},
        {"explain", products, "GET", "products"},
        {"explain", products, "GET", "/products", "-H", "no colon"},
        {"explain", products, "GET", "products", "--json"},
        {"init"},
        {"init", products, "--upstream", "https://backend"},
        {"purge"},
        {"purge", "product:*", "--rule", "product-list"},
        {"stats", "--nonsense"},
        {"stats", "--watch", "0"},
        {"stats", "--watch", "--json"},
        {"stats", "--samples", "2"},
        {"check", products, "--color", "sometimes"},
        {"completion", "tcsh"},
        {"chekc", products},
        {"--nonsense"},
    };
    for (auto const& call : calls) {
        auto const done = sidecache(call);
        CAPTURE((call.empty() ? "" : call.back()));
        CHECK(done.status == exit_status{2, 0});
        CHECK(done.out == "");
        CHECK(done.err != "");
    }
}

TEST_CASE("check prints findings and a summary: 0 when the file is right") {
    auto const right = sidecache({"check", products});
    CHECK(right.status == exit_status{0, 0});
    CHECK(right.err == "");
    CHECK(right.out.starts_with("rule product-details\n"));
    CHECK(right.out.ends_with("/products.yaml: 5 rules, 4 purges, no findings\n"));
}

TEST_CASE("check is 1 when the file has an error, and so are run and explain") {
    temp_dir const folder;
    auto const file = folder.write("wrong.yaml", "lisen: 0.0.0.0:80\n");
    auto const expected = file + ":1:1: error: unknown key `lisen`; did you mean `listen`?\n";
    auto const checked = sidecache({"check", file});
    CHECK(checked.status == exit_status{1, 0});
    CHECK(checked.out ==
          expected + "     1 | lisen: 0.0.0.0:80\n       | ^\n" + file +
              ": warning: there are no `rules`: nothing will be cached; add one, as in "
              "config/products.yaml\n" +
              file + ": 1 error, 1 warning\n");
    auto const explained = sidecache({"explain", file, "GET", "/"});
    CHECK(explained.status == exit_status{1, 0});
    CHECK(explained.err.find(expected) != std::string::npos);
    CHECK(sidecache({"check", file + ".none"}).status == exit_status{1, 0});
    CHECK(sidecache({"run", file}).status == exit_status{1, 0});
    CHECK(sidecache({file}).status == exit_status{1, 0});
}

TEST_CASE("explain shows a read's key and tags") {
    auto const done =
        sidecache({"explain", products, "GET", "/products/42", "--identity", "orgId=7"});
    CHECK(done.status == exit_status{0, 0});
    CHECK(done.out.starts_with(
        "GET /products/42\nserved from the cache by the rule product-details\n"));
    CHECK(done.out.find("product:42:details|orgId=7\n") != std::string::npos);
    CHECK(done.out.find("requests whose verified identity has the same orgId\n") !=
          std::string::npos);
    CHECK(done.out.find("path:/products/42\n") != std::string::npos);
    CHECK(done.out.find("product:42*\n") != std::string::npos);
}

TEST_CASE("explain takes header fields, as often as they come") {
    auto const done = sidecache(
        {"explain", products, "-H", "If-Match: *", "-H", "Accept: */*", "GET", "/products/1"});
    CHECK(done.status == exit_status{0, 0});
    CHECK(done.out.find("precondition: ") != std::string::npos);
}

TEST_CASE("explain says what happens to whom, without asking anybody") {
    auto const as = [](std::vector<std::string> const& more) {
        std::vector<std::string> call{"explain", products, "GET", "/products?page=2"};
        call.insert(call.end(), more.begin(), more.end());
        return sidecache(call);
    };
    auto const member = as({"--identity", "orgId=7", "--identity", "userId=1"});
    CHECK(member.status == exit_status{0, 0});
    CHECK(member.out.find("products:org:7:page:2:limit:10:search::order:\n") != std::string::npos);
    auto const odd = as({"--identity", "orgId=a|b:c"});
    CHECK(odd.out.find("products:org:a%7Cb%3Ac:page:2") != std::string::npos);
    // Credentials verify nobody here, and what is claimed in a header says nothing.
    for (auto const& claim : {"Authorization: Bearer x", "X-Org-Id: 7", "orgId: 7"}) {
        auto const stranger = as({"-H", claim});
        CHECK(stranger.status == exit_status{0, 0});
        CHECK(stranger.out.find("unverified_identity: ") != std::string::npos);
        CHECK(stranger.out.find("products:org") == std::string::npos);
    }
    for (auto const& wrong : {"orgId", "org=7", "=7"}) {
        auto const refused = as({"--identity", wrong});
        CHECK(refused.status == exit_status{2, 0});
        CHECK(refused.err ==
              "sidecache explain: write --identity NAME=VALUE, with a name of the file's "
              "`identity.vars`: userId, orgId\n");
    }
}

TEST_CASE("explain shows what a mutation's body names") {
    auto const done = sidecache({"explain",
                                 products,
                                 "DELETE",
                                 "/products",
                                 "--identity",
                                 "orgId=7",
                                 "--body",
                                 R"({"ids": [1, 2]})"});
    CHECK(done.status == exit_status{0, 0});
    CHECK(done.out.find("products-bulk-deleted") != std::string::npos);
    CHECK(done.out.find("product:1*") != std::string::npos);
    CHECK(done.out.find("product:2*") != std::string::npos);
    CHECK(done.out.find("products:org:7:*") != std::string::npos);
}

TEST_CASE("explain --json is what the admin port's /explain answers") {
    auto const done =
        sidecache({"explain", "--json", products, "--identity", "orgId=7", "GET", "/products/42"});
    CHECK(done.status == exit_status{0, 0});
    CHECK(done.out.starts_with("{\"decision\":\"serve\",\"rule\":\"product-details\""));
}

TEST_CASE("purge and stats are 1 when nobody answers") {
    auto const nobody = "http://127.0.0.1:" + std::to_string(free_port());
    auto const purged = sidecache({"purge", "product:*", "--admin", nobody});
    CHECK(purged.status == exit_status{1, 0});
    CHECK(purged.err.find("Connection refused") != std::string::npos);
    auto const counted = sidecache({"stats", "--admin", nobody});
    CHECK(counted.status == exit_status{1, 0});
    CHECK(counted.err.find("Connection refused") != std::string::npos);
}

}  // namespace
}  // namespace sidecache::tests
