#include "proxy/command/check.hpp"

#include "config/dump.hpp"
#include "config/file_text.hpp"
#include "config/load.hpp"
#include "config/units.hpp"
#include "proxy/command/check_json.hpp"
#include "proxy/command/finding_text.hpp"
#include "proxy/command/print.hpp"
#include "proxy/identity/key_check.hpp"

#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sidecache::command {
namespace {

std::string_view sharing(rules::partition_definition const& p) {
    switch (p.what) {
        case rules::partition_definition::kind::credential:
            return "requests with the same Authorization and Cookie";
        case rules::partition_definition::kind::identity:
            return "requests of the same identity";
        case rules::partition_definition::kind::none:
            return "everybody";
    }
    return "";
}

std::string lifetimes(rules::rule_definition const& rule) {
    auto out = rule.origin ? std::string("origin") : config::print_duration(rule.ttl);
    for (auto const& [status, ttl] : rule.statuses) {
        out += ", " + std::to_string(status) + " " + config::print_duration(ttl);
    }
    return out;
}

std::vector<std::string> values(std::vector<rules::located<std::string>> const& located) {
    std::vector<std::string> out;
    out.reserve(located.size());
    for (auto const& one : located) {
        out.push_back(one.value);
    }
    return out;
}

std::string describe(rules::rule_set const& all, rules::rule const& rule) {
    auto const& text = rule.definition;
    auto out = text.name.value + "\n";
    out += labelled("match", text.match.value);
    out += labelled("key", text.key.value.empty() ? rules::default_key : text.key.value);
    out += labelled("ttl", lifetimes(text));
    if (text.lock) {
        out += labelled("lock",
                        text.lock->key.value + " for " + config::print_duration(text.lock->ttl) +
                            ", others wait " + config::print_duration(text.lock->wait));
    }
    out += labelled("shared by", sharing(text.partition));
    out += labelled("tags", all.tag_templates(rule.index));
    auto const reaching = all.purges_reaching(rule.index);
    out += reaching.empty() ? labelled("purged by", "nothing: its entries live for their ttl")
                            : labelled("purged by", joined(reaching, ", "));
    return out;
}

std::string describe(rules::purge const& purge) {
    auto const& text = purge.definition;
    auto out = text.name.value + "\n";
    out += labelled("on", values(text.on));
    out += labelled("patterns", values(text.patterns));
    if (text.settle.count() != 0) {
        out += labelled("settle", config::print_duration(text.settle));
    }
    return out;
}

/// The file's text, to show lines of; empty when it cannot be read, which is a finding already.
std::string source_of(std::string const& file) {
    auto text = config::read_text(file);
    auto* whole = std::get_if<std::string>(&text);
    return whole == nullptr ? std::string() : std::move(*whole);
}

}  // namespace

std::string summary(config::model const& m) {
    std::string out;
    for (auto const& rule : m.rules->rules()) {
        out += "rule " + describe(*m.rules, rule) + "\n";
    }
    for (auto const& purge : m.rules->purges()) {
        out += "purge " + describe(purge) + "\n";
    }
    return out;
}

int check(check_options const& asked) {
    auto const& file = asked.file;
    auto loaded = config::load_file(file);
    identity::check_keys(loaded, file);
    if (asked.json) {
        to_stdout(check_json(file, loaded));
        return loaded.config ? 0 : 1;
    }
    paint const p(is_colored(asked.colored, STDOUT_FILENO));
    auto const source = source_of(file);
    std::string out;
    for (auto const& f : loaded.findings) {
        out += finding_text(f, source, p);
    }
    if (loaded.config) {
        out += (out.empty() ? "" : "\n") + p.labels(summary(*loaded.config));
        out += file + ": " + counted(loaded.config->rules->rules().size(), "rule") + ", " +
               counted(loaded.config->rules->purges().size(), "purge") + ", ";
    } else {
        out += file + ": ";
    }
    to_stdout(out + verdict(loaded.findings, p) + "\n");
    return loaded.config ? 0 : 1;
}

int dump(std::string const& file) {
    auto const loaded = config::load_file(file);
    for (auto const& f : loaded.findings) {
        to_stderr(f.print() + "\n");
    }
    if (!loaded.config) {
        return 1;
    }
    to_stdout(config::dump(loaded));
    return 0;
}

}  // namespace sidecache::command
