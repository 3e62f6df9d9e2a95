#include "proxy/command/finding_text.hpp"

#include "proxy/command/print.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sidecache::command {
namespace {

constexpr std::size_t widest = 100;

std::string_view line_of(std::string_view source, unsigned number) {
    for (unsigned i = 1; i < number && !source.empty(); ++i) {
        source.remove_prefix(std::min(source.find('\n'), source.size() - 1) + 1);
    }
    auto line = source.substr(0, source.find('\n'));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

/// Passwords stand in URLs and behind such words; the value may be on the line below.
bool may_be_secret(std::string_view line) {
    std::string small(line);
    std::ranges::transform(small, small.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    constexpr std::array<std::string_view, 8> words{
        "token", "pass", "secret", "credential", "auth", "apikey", "@", "://"};
    return std::ranges::any_of(
        words, [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

bool is_letter_begin(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

std::string excerpt(rules::position at, std::string_view source, paint const& p) {
    auto const line = line_of(source, at.line);
    bool const is_shown = at.column != 0 && line.find_first_not_of(" \t") != line.npos &&
                          !may_be_secret(line) &&
                          (at.line == 1 || !may_be_secret(line_of(source, at.line - 1)));
    if (!is_shown) {
        return {};
    }
    std::size_t begin = 0;  // of the letter that is meant: columns are letters, not bytes
    for (unsigned letters = 0; begin < line.size(); ++begin) {
        letters += is_letter_begin(line[begin]) ? 1 : 0;
        if (letters == at.column) {
            break;
        }
    }
    if (begin >= widest) {
        return {};
    }
    auto shown = std::string(line.substr(0, widest));
    std::ranges::replace(shown, '\t', ' ');
    auto const number = std::to_string(at.line);
    auto const margin = std::string(6 - std::min<std::size_t>(number.size(), 5), ' ') + number;
    auto out = p.dim(margin + " | ") + harmless(shown) + (line.size() > widest ? "..." : "") + "\n";
    return out + p.dim(std::string(margin.size(), ' ') + " | ") + std::string(at.column - 1, ' ') +
           p.error("^") + "\n";
}

}  // namespace

std::string finding_text(config::finding const& f, std::string_view source, paint const& p) {
    auto place = harmless(f.file);
    if (f.at.line != 0) {
        place += ':' + std::to_string(f.at.line) + ':' + std::to_string(f.at.column);
    }
    bool const is_error = f.level == rules::severity::error;
    auto out = p.bold(place + ":") + " " + (is_error ? p.error("error:") : p.warning("warning:")) +
               " " + f.text + (f.hint.empty() ? "" : "; " + f.hint) + "\n";
    // `tken: ...` is a token all the same: what the finding says of it tells.
    bool const is_about_a_secret = may_be_secret(f.text) || may_be_secret(f.hint);
    return f.at.line == 0 || is_about_a_secret ? out : out + excerpt(f.at, source, p);
}

std::string verdict(std::vector<config::finding> const& findings, paint const& p) {
    auto const errors = static_cast<std::size_t>(std::ranges::count_if(
        findings, [](config::finding const& f) { return f.level == rules::severity::error; }));
    auto const warnings = findings.size() - errors;
    if (findings.empty()) {
        return p.good("no findings");
    }
    std::string out;
    if (errors != 0) {
        out = p.error(counted(errors, "error"));
    }
    if (warnings != 0) {
        out += (out.empty() ? "" : ", ") + p.warning(counted(warnings, "warning"));
    }
    return out;
}

}  // namespace sidecache::command
