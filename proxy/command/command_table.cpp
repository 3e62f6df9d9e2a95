#include "proxy/command/command_table.hpp"

#include "proxy/version.hpp"

namespace sidecache::command {
namespace {

constexpr char summary_text[] =
    "A caching reverse proxy that runs beside its backend, and invalidates what passes through it.";

constexpr char examples[] = R"(Examples:
  sidecache init openapi.yaml --output sidecache.yaml
  sidecache check sidecache.yaml
  sidecache run sidecache.yaml
  sidecache explain sidecache.yaml GET '/products?page=2'
  sidecache purge 'product:42*'
  sidecache stats --watch

Exit codes: 0 done, 1 failed (an error in the file, nobody at the admin port), 2 wrong usage.
`sidecache COMMAND --help` shows each command's options, `sidecache man` all of them.)";

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

void add_color(CLI::App& command, typed& in) {
    command.add_option("--color", in.colored, "Colors: auto, always or never")
        ->type_name("WHEN")
        ->capture_default_str();
}

void add_run(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand("run", "Serve, until SIGTERM; SIGHUP reads the file again");
    add_file(command, in.file);
    command.footer("Example:\n  UPSTREAM_URL=http://127.0.0.1:3000 sidecache run sidecache.yaml");
}

void add_init(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand(
        "init", "Write a configuration to start from, for the API of an OpenAPI file");
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
    command.footer(
        "Routes become rules and purges, each with a comment that says why and what to check.\n\n"
        "Examples:\n"
        "  sidecache init openapi.yaml --output sidecache.yaml\n"
        "  sidecache init openapi.json --only /products --store memory://");
}

void add_check(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand(
        "check", "Find what is wrong with a configuration, and show what it does");
    add_file(command, in.check.file);
    command.add_flag(
        "--dump", in.dump, "Print it as YAML instead: defaults filled in, secrets as ***");
    command.add_flag(
        "--connect", in.connect, "Connect to its store instead, and say what is wrong with that");
    command.add_flag("--json", in.check.json, "JSON, for programs");
    add_color(command, in);
    command.footer(
        "Without --connect neither the store nor the backend is asked. Exit code 1: the file has "
        "an\n"
        "error, or with --connect: a running sidecache would not have this store.\n\n"
        "Examples:\n"
        "  sidecache check sidecache.yaml\n"
        "  sidecache check --json sidecache.yaml");
}

void add_explain(CLI::App& app, typed& in) {
    auto& command =
        *app.add_subcommand("explain", "Show what would be done with a request; needs no server");
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
    add_color(command, in);
    command.footer(
        "Examples:\n"
        "  sidecache explain config/products.yaml GET '/products?page=2' --identity orgId=7\n"
        "  sidecache explain config/products.yaml DELETE /products --body '{\"ids\": [1, 2]}'");
}

void add_purge(CLI::App& app, typed& in) {
    auto& command =
        *app.add_subcommand("purge", "Invalidate, through a running sidecache, on every replica");
    auto* const names = command.add_option_group("what");
    names->add_option("PATTERN", in.purge.name, "A pattern: product:42*")->type_name("");
    names->add_option("--key", in.key, "One key: product:42:details")->type_name("KEY");
    names->add_option("--rule", in.rule, "Everything that a rule has stored")->type_name("RULE");
    names->add_option("--group", in.group, "A group that responses name: Cache-Groups")
        ->type_name("GROUP");
    names->require_option(1);
    add_admin(command, in.purge.where);
    command.footer(
        "Examples:\n"
        "  sidecache purge 'product:42*'\n"
        "  sidecache purge --rule product-list --admin http://127.0.0.1:9090");
}

void add_warm(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand(
        "warm", "Have a running sidecache fetch URIs before anybody asks for them");
    command.add_option("PATH", in.warm.paths, "What to fetch; otherwise what its file names")
        ->type_name("");
    add_admin(command, in.warm.where);
    command.footer(
        "Examples:\n"
        "  sidecache warm\n"
        "  sidecache warm /products '/products?page=2' --admin http://127.0.0.1:9090");
}

void add_drain(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand(
        "drain", "Make a running sidecache not ready, before it is stopped: for a preStop hook");
    add_admin(command, in.drained);
    command.footer("Example:\n  sidecache drain --admin http://127.0.0.1:9090");
}

void add_stats(CLI::App& app, typed& in) {
    auto& command = *app.add_subcommand("stats", "Show what a running sidecache counts");
    add_admin(command, in.stats_from);
    auto* const json = command.add_flag("--json", in.json, "JSON, as from the admin port's /stats");
    auto* const watch =
        command
            .add_option("--watch",
                        in.watch_seconds,
                        "Look again each 2 seconds, or so many, with what came in between; Ctrl-C "
                        "ends")
            ->type_name("SECONDS")
            ->expected(0, 1)
            ->check([](std::string const& text) {
                double seconds = 0;
                bool const is_number = CLI::detail::lexical_cast(text, seconds);
                return is_number && seconds >= 0.1 && seconds <= 3'600
                           ? std::string()
                           : std::string("0.1 to 3600 seconds");
            })
            ->excludes(json);
    command.add_option("--samples", in.samples, "With --watch: end after so many looks")
        ->type_name("COUNT")
        ->needs(watch);
    add_color(command, in);
    command.footer(
        "Examples:\n"
        "  sidecache stats --admin http://127.0.0.1:9090\n"
        "  sidecache stats --watch 5");
}

void add_own(CLI::App& app, typed& in) {
    app.add_subcommand("schema", "Print the JSON schema of configurations, for editors")
        ->footer("Example:\n  sidecache schema > sidecache.schema.json");
    auto& completion =
        *app.add_subcommand("completion", "Print a script that completes in a shell");
    completion.add_option("SHELL", in.shell, "bash, zsh or fish")->required()->type_name("");
    completion.footer("Example:\n  source <(sidecache completion bash)");
    app.add_subcommand("man", "Print the manual page, for man and groff")
        ->footer("Example:\n  sidecache man | man -l -");
}

}  // namespace

std::unique_ptr<CLI::App> command_table(typed& in) {
    auto app = std::make_unique<CLI::App>(summary_text, "sidecache");
    app->set_version_flag("--version", std::string("sidecache ") + version, "Print the version");
    app->require_subcommand(0, 1);
    app->add_option("FILE", in.file, "Short for `run FILE`")->type_name("");
    add_run(*app, in);
    add_init(*app, in);
    add_check(*app, in);
    add_explain(*app, in);
    add_purge(*app, in);
    add_warm(*app, in);
    add_drain(*app, in);
    add_stats(*app, in);
    add_own(*app, in);
    app->footer(examples);  // after the subcommands: they would inherit it
    return app;
}

}  // namespace sidecache::command
