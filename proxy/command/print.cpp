#include "proxy/command/print.hpp"

#include <algorithm>
#include <cstdio>

namespace sidecache::command {
namespace {

constexpr std::size_t label_width = value_column - 4;

std::string line(std::string_view label, std::string_view value) {
    std::string out = "    ";
    out += label;
    out.append(label_width - std::min(label.size(), label_width - 1), ' ');
    out += value;
    return out + "\n";
}

}  // namespace

std::string labelled(std::string_view label, std::string_view value) {
    return line(label, value);
}

std::string labelled(std::string_view label, std::span<std::string const> values) {
    std::string out;
    for (auto const& value : values) {
        out += line(out.empty() ? label : "", value);
    }
    return out;
}

std::string joined(std::span<std::string const> values, std::string_view between) {
    std::string out;
    for (auto const& value : values) {
        out += out.empty() ? "" : between;
        out += value;
    }
    return out;
}

std::string counted(std::size_t n, std::string_view what) {
    return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

std::string harmless(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return out;
}

void to_stdout(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}
void to_stderr(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace sidecache::command
