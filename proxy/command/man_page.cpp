#include "proxy/command/man_page.hpp"

#include "proxy/version.hpp"

#include <string>
#include <string_view>

namespace sidecache::command {
namespace {

/// Text as troff takes it: no escapes, no requests, and a `-` that can be typed.
std::string plain(std::string_view text) {
    std::string out;
    for (char const c : text) {
        out += c == '\\'   ? "\\e"
               : c == '-'  ? "\\-"
               : c == '\'' ? "\\(aq"
               : c == '`'  ? "\\(ga"
               : c == '^'  ? "\\(ha"
               : c == '~'  ? "\\(ti"
                           : std::string(1, c);
    }
    return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(std::string_view text) {
    return "\\fB" + plain(text) + "\\fR";
}
std::string italic(std::string_view text) {
    return "\\fI" + plain(text) + "\\fR";
}

std::string heading(option const& o) {
    std::string out;
    for (auto const& name : o.names) {
        out += (out.empty() ? "" : ", ") + bold(name);
    }
    if (!o.value.empty()) {
        out += o.may_stand_alone ? " [" + italic(o.value) + "]" : " " + italic(o.value);
    }
    return out;
}

std::string described(option const& o) {
    auto out = plain(o.text);
    if (!o.fallback.empty()) {
        out += " (default: " + plain(o.fallback) + ")";
    }
    if (!o.environment.empty()) {
        out += "; otherwise the environment\\(aqs " + bold(o.environment);
    }
    return out;
}

std::string usage(command_info const& c) {
    auto out = bold("sidecache") + " " + bold(c.name);
    for (auto const& a : c.arguments) {
        out += a.is_required ? " " + italic(a.name) : " [" + italic(a.name) + "]";
    }
    return out + (c.options.empty() ? "" : " [" + italic("OPTIONS") + "]");
}

std::string section(command_info const& c) {
    auto out = ".SS " + usage(c) + "\n" + plain(c.text) + ".\n";
    for (auto const& a : c.arguments) {
        out += ".TP\n" + italic(a.name) + "\n" + plain(a.text) + "\n";
    }
    for (auto const& o : c.options) {
        out += ".TP\n" + heading(o) + "\n" + described(o) + "\n";
    }
    if (!c.examples.empty()) {
        out += ".PP\nFor example:\n.PP\n.nf\n";
        for (auto const& line : c.examples) {
            out += ".RS\n" + plain(line) + "\n.RE\n";
        }
        out += ".fi\n";
    }
    return out;
}

}  // namespace

std::string man_page(grammar const& all) {
    std::string out =
        ".TH SIDECACHE 1 \"\" \"sidecache " + std::string(version) +
        "\" \"User Commands\"\n.SH NAME\nsidecache \\- a caching reverse proxy that runs "
        "beside its backend\n.SH SYNOPSIS\n.nf\n";
    for (auto const& c : all.commands) {
        out += usage(c) + "\n";
    }
    out += ".fi\n.SH DESCRIPTION\n" + plain(all.top.text) + "\n.PP\n" + bold("sidecache") + " " +
           italic("FILE") + " is short for " + bold("sidecache run") + " " + italic("FILE") +
           ".\n.SH OPTIONS\n";
    for (auto const& o : all.top.options) {
        out += ".TP\n" + heading(o) + "\n" + described(o) + "\n";
    }
    out += ".SH COMMANDS\n";
    for (auto const& c : all.commands) {
        out += section(c);
    }
    out += R"(.SH EXIT STATUS
.TP
0
It is done.
.TP
1
It failed: an error in the file, nobody at the admin port.
.TP
2
The command line makes no sense.
.SH ENVIRONMENT
.TP
.B SIDECACHE_ADMIN_TOKEN
The token of the admin port, where no \fB\-\-token\fR is given.
.TP
.B NO_COLOR
When it is not empty, nothing is colored, unless \fB\-\-color always\fR says so.
.TP
.B CLICOLOR_FORCE
When it is neither empty nor 0, output is colored although it goes to no terminal.
.SH SIGNALS
.TP
.B SIGHUP
.B sidecache run
reads its file again and swaps it whole, or keeps the old one and says why.
.TP
.BR SIGTERM , " SIGINT"
.B sidecache run
finishes what is in flight and exits 0.
)";
    return out;
}

}  // namespace sidecache::command
