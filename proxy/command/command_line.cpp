#include "proxy/command/command_line.hpp"

#include "proxy/command/check_store.hpp"
#include "proxy/command/command_table.hpp"
#include "proxy/command/completion.hpp"
#include "proxy/command/drain.hpp"
#include "proxy/command/grammar.hpp"
#include "proxy/command/man_page.hpp"
#include "proxy/command/print.hpp"
#include "proxy/command/run.hpp"
#include "proxy/command/schema.hpp"
#include "proxy/command/stats.hpp"
#include "proxy/command/suggest.hpp"
#include "proxy/command/warm.hpp"
#include "proxy/command/watch.hpp"

#include <string>
#include <vector>

namespace sidecache::command {
namespace {

constexpr int wrong_usage = 2;

int refuse(std::string const& why) {
    to_stderr("sidecache: " + why + "\n");
    return wrong_usage;
}

void choose_purge(typed& in) {
    if (!in.key.empty()) {
        in.purge.kind = "key";
        in.purge.name = in.key;
    } else if (!in.rule.empty()) {
        in.purge.kind = "rule";
        in.purge.name = in.rule;
    } else if (!in.group.empty()) {
        in.purge.kind = "group";
        in.purge.name = in.group;
    }
}

int run_stats(typed const& in, bool watches, color colored) {
    if (!watches) {
        return stats(in.stats_from, in.json, colored);
    }
    watch_options asked;
    asked.where = in.stats_from;
    asked.every = std::chrono::milliseconds(static_cast<long>(in.watch_seconds * 1'000));
    asked.samples = in.samples;
    asked.colored = colored;
    return watch(asked);
}

int print_completion(grammar const& all, std::string const& shell) {
    auto const script = completion(all, shell);
    if (!script) {
        return refuse("there is no completion for `" + harmless(shell) + "`: bash, zsh or fish");
    }
    to_stdout(*script);
    return 0;
}

/// Carries out what was typed.
int perform(CLI::App& app, typed& in) {
    auto const chosen = app.get_subcommands();
    auto const name = chosen.empty() ? std::string("run") : chosen.front()->get_name();
    auto const colored = parse_color(in.colored);
    if (!colored) {
        return refuse("--color takes auto, always or never");
    }
    if (name == "init") {
        in.init.has_base = chosen.front()->count("--base") != 0;
        return init(in.init);
    }
    if (name == "check" && in.connect) {
        return check_store(in.check.file);
    }
    if (name == "check") {
        in.check.colored = *colored;
        return in.dump ? dump(in.check.file) : check(in.check);
    }
    if (name == "explain") {
        if (chosen.front()->count("--body") != 0) {
            in.explain.body = in.body;
        }
        in.explain.colored = *colored;
        return explain(in.explain);
    }
    if (name == "purge") {
        choose_purge(in);
        return purge(in.purge);
    }
    if (name == "drain") {
        return drain(in.drained);
    }
    if (name == "warm") {
        return warm(in.warm);
    }
    if (name == "stats") {
        return run_stats(in, chosen.front()->count("--watch") != 0, *colored);
    }
    if (name == "schema") {
        to_stdout(schema_json());
        return 0;
    }
    if (name == "completion") {
        return print_completion(grammar_of(app), in.shell);
    }
    if (name == "man") {
        to_stdout(man_page(grammar_of(app)));
        return 0;
    }
    return in.file.empty() ? refuse("name a configuration: sidecache run FILE (--help shows more)")
                           : run(in.file);
}

}  // namespace

int main(int argc, char** argv) {
    typed in;
    auto const app = command_table(in);
    std::vector<std::string> const words(argv + 1, argv + argc);
    if (auto const wrong = unknown_command(grammar_of(*app), words); !wrong.empty()) {
        return refuse(wrong);
    }
    try {
        app->parse(argc, argv);
    } catch (CLI::ParseError const& e) {
        if (auto const wrong = unknown_option(grammar_of(*app), words);
            !wrong.empty() && e.get_exit_code() != 0) {
            return refuse(wrong);
        }
        // Prints help, the version or what is wrong; its own codes tell more than ours promise.
        return app->exit(e) == 0 ? 0 : wrong_usage;
    }
    return perform(*app, in);
}

}  // namespace sidecache::command
