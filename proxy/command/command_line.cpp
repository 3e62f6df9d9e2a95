#include "proxy/command/command_line.hpp"

#include "proxy/command/check.hpp"
#include "proxy/command/drain.hpp"
#include "proxy/command/explain.hpp"
#include "proxy/command/init.hpp"
#include "proxy/command/print.hpp"
#include "proxy/command/purge.hpp"
#include "proxy/command/run.hpp"
#include "proxy/command/schema.hpp"
#include "proxy/command/stats.hpp"
#include "proxy/version.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <string>

namespace sidecache::command {
namespace {

constexpr int wrong_usage = 2;

constexpr char examples[] = R"(Examples:
  sidecache check config/products.yaml
  sidecache run config/products.yaml
  sidecache explain config/products.yaml GET '/products?page=2' --identity orgId=7
  sidecache explain config/products.yaml DELETE /products --body '{"ids": [1, 2]}'
  sidecache purge 'product:42*'
  sidecache purge --rule product-list
  sidecache stats --admin http://127.0.0.1:9090

Exit codes: 0 done, 1 failed (an error in the file, nobody at the admin port), 2 wrong usage.)";

/// What was typed; CLI11 fills it in.
struct typed {
    std::string file;
    explain_options explain;
    std::string body;
    purge_options purge;
    std::string key;
    std::string rule;
    bool json = false;
    bool dump = false;
    init_options init;
};

void add_admin(CLI::App& command, admin_address& where) {
    command.add_option("--admin", where.url, "The admin port of a running sidecache")
        ->type_name("URL")
        ->capture_default_str();
    command.add_option("--token", where.token, "Its token")
        ->type_name("TOKEN")
        ->envname("SIDECACHE_ADMIN_TOKEN");
}

void add_file(CLI::App& command, std::string& file) {
    command.add_option("FILE", file, "The configuration, such as config/products.yaml")
        ->required()
        ->type_name("");
}

void add_explain(CLI::App& command, typed& in) {
    add_file(command, in.explain.file);
    command.add_option("METHOD", in.explain.method, "GET, PUT, ...")->required()->type_name("");
    command.add_option("URI", in.explain.uri, "Path and query: /products/42?page=2")
        ->required()
        ->type_name("");
    command.add_option("-H,--header", in.explain.headers, "A header field; may come again")
        ->type_name("'NAME: VALUE'")
        ->allow_extra_args(false);
    command
        .add_option("--identity",
                    in.explain.identity,
                    "A variable of the caller's identity, as if verified; may come again")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command.add_option("--body", in.body, "The request's content")->type_name("JSON");
    command.add_flag("--json", in.explain.json, "JSON, as from the admin port's /explain");
}

void add_init(CLI::App& command, typed& in) {
    command
        .add_option("OPENAPI_FILE", in.init.file, "OpenAPI 3.0 or 3.1, or Swagger 2.0; - is stdin")
        ->required()
        ->type_name("");
    command.add_option("-o,--output", in.init.output, "Where to write it; stdout otherwise")
        ->type_name("FILE");
    command.add_flag("--force", in.init.force, "Replace a file that exists");
    command.add_option("--upstream", in.init.upstream, "The backend: http://HOST:PORT")
        ->type_name("URL");
    command.add_option("--store", in.init.store, "redis://HOST:PORT/DATABASE or memory://")
        ->type_name("URL");
    command
        .add_option("--base", in.init.base, "What paths begin with, instead of what `servers` says")
        ->type_name("PATH");
    command.add_option("--only", in.init.only, "Paths that begin so; may come again")
        ->type_name("PREFIX")
        ->allow_extra_args(false);
}

void add_purge(CLI::App& command, typed& in) {
    auto* const names = command.add_option_group("what");
    names->add_option("PATTERN", in.purge.name, "A pattern: product:42*")->type_name("");
    names->add_option("--key", in.key, "One key: product:42:details")->type_name("KEY");
    names->add_option("--rule", in.rule, "Everything that a rule has stored")->type_name("RULE");
    names->require_option(1);
    add_admin(command, in.purge.where);
}

void choose_purge(typed& in) {
    if (!in.key.empty()) {
        in.purge.kind = "key";
        in.purge.name = in.key;
    } else if (!in.rule.empty()) {
        in.purge.kind = "rule";
        in.purge.name = in.rule;
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "A caching reverse proxy that runs beside its backend, and invalidates what passes through "
        "it.",
        "sidecache");
    app.set_version_flag("--version", std::string("sidecache ") + version);
    app.require_subcommand(0, 1);

    typed in;
    admin_address stats_from;
    admin_address drained;
    app.add_option("FILE", in.file, "Short for `run FILE`")->type_name("");
    auto* const running =
        app.add_subcommand("run", "Serve, until SIGTERM; SIGHUP reads the file again");
    add_file(*running, in.file);
    auto* const beginning = app.add_subcommand(
        "init", "Write a configuration to start from, for the API of an OpenAPI file");
    add_init(*beginning, in);
    auto* const describing =
        app.add_subcommand("schema", "Print the JSON schema of configurations, for editors");
    auto* const checking = app.add_subcommand(
        "check", "Find what is wrong with a configuration, and show what it does");
    add_file(*checking, in.file);
    checking->add_flag(
        "--dump", in.dump, "Print it as YAML instead: defaults filled in, secrets as ***");
    auto* const explaining =
        app.add_subcommand("explain", "Show what would be done with a request; needs no server");
    add_explain(*explaining, in);
    auto* const purging =
        app.add_subcommand("purge", "Invalidate, through a running sidecache, on every replica");
    add_purge(*purging, in);
    auto* const draining = app.add_subcommand(
        "drain", "Make a running sidecache not ready, before it is stopped: for a preStop hook");
    add_admin(*draining, drained);
    auto* const counting = app.add_subcommand("stats", "Show what a running sidecache counts");
    add_admin(*counting, stats_from);
    counting->add_flag("--json", in.json, "JSON, as from the admin port's /stats");

    app.footer(examples);  // after the subcommands: they would inherit it

    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& e) {
        // Prints help, the version or what is wrong; its own codes tell more than ours promise.
        return app.exit(e) == 0 ? 0 : wrong_usage;
    }
    if (*beginning) {
        in.init.has_base = beginning->count("--base") != 0;
        return init(in.init);
    }
    if (*describing) {
        to_stdout(schema_json());
        return 0;
    }
    if (*checking) {
        return in.dump ? dump(in.file) : check(in.file);
    }
    if (*explaining) {
        if (explaining->count("--body") != 0) {
            in.explain.body = in.body;
        }
        return explain(in.explain);
    }
    if (*purging) {
        choose_purge(in);
        return purge(in.purge);
    }
    if (*draining) {
        return drain(drained);
    }
    if (*counting) {
        return stats(stats_from, in.json);
    }
    if (in.file.empty()) {
        to_stderr("sidecache: name a configuration: sidecache run FILE (--help shows more)\n");
        return wrong_usage;
    }
    return run(in.file);
}

}  // namespace sidecache::command
