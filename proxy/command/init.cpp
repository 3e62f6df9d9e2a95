#include "proxy/command/init.hpp"

#include "config/init/init.hpp"
#include "config/url.hpp"
#include "proxy/command/print.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <variant>

namespace sidecache::command {
namespace {

using file_handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// One byte more than is understood, to see that a file is too large.
constexpr std::size_t most_read = (16U << 20U) + 1;

std::string failure() {
    return std::error_code(errno, std::generic_category()).message();
}

std::optional<std::string> read_whole(std::string const& path, std::string& why) {
    auto const keep = [](std::FILE*) { return 0; };
    file_handle const file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"),
                           path == "-" ? +keep : &std::fclose);
    if (!file) {
        why = failure();
        return std::nullopt;
    }
    std::string text;
    std::array<char, 65'536> piece{};
    while (text.size() < most_read) {
        auto const n = std::fread(piece.data(), 1, piece.size(), file.get());
        text.append(piece.data(), n);
        if (n < piece.size()) {
            break;
        }
    }
    if (std::ferror(file.get()) != 0) {
        why = failure();
        return std::nullopt;
    }
    return text;
}

/// Never over a file that exists, unless asked to.
bool write_whole(std::string const& path, std::string_view text, bool over, std::string& why) {
    file_handle file(std::fopen(path.c_str(), over ? "wbe" : "wbxe"), &std::fclose);
    if (!file) {
        why = errno == EEXIST ? "it exists; --force replaces it" : failure();
        return false;
    }
    bool const is_written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    if (std::fclose(file.release()) != 0 || !is_written) {
        why = failure();
        return false;
    }
    return true;
}

/// What is wrong with the addresses; empty: nothing.
std::string mistake_in(init_options const& asked) {
    if (!asked.upstream.empty()) {
        auto const url = config::parse_upstream_url(asked.upstream);
        if (auto const* bad = std::get_if<config::problem>(&url)) {
            return "--upstream: " + bad->text + (bad->hint.empty() ? "" : "; " + bad->hint);
        }
    }
    if (!asked.store.empty()) {
        auto const url = config::parse_store_url(asked.store);
        if (auto const* bad = std::get_if<config::problem>(&url)) {
            return "--store: " + bad->text + (bad->hint.empty() ? "" : "; " + bad->hint);
        }
        if (!std::get<config::store_url>(url).password.empty()) {
            return "--store: keep the password out of the file; set REDIS_URL where sidecache runs";
        }
    }
    return {};
}

}  // namespace

int init(init_options const& asked) {
    if (auto const wrong = mistake_in(asked); !wrong.empty()) {
        to_stderr("sidecache init: " + wrong + "\n");
        return 2;
    }
    std::string why;
    auto const text = read_whole(asked.file, why);
    if (!text) {
        to_stderr(asked.file + ": error: cannot be read: " + why + "\n");
        return 1;
    }
    config::init::reading how;
    if (asked.has_base) {
        how.base_path = asked.base;
    }
    how.only = asked.only;
    config::init::surroundings around;
    around.source = asked.file == "-" ? "stdin" : asked.file.substr(asked.file.rfind('/') + 1);
    around.upstream = asked.upstream.empty() ? around.upstream : asked.upstream;
    around.store = asked.store.empty() ? around.store : asked.store;
    config::report found(asked.file == "-" ? "stdin" : asked.file);
    auto const made = config::init::make(*text, how, around, found);
    for (auto const& f : found.take()) {
        to_stderr(f.print() + "\n");
    }
    if (!made) {
        return 1;
    }
    if (asked.output.empty()) {
        to_stdout(made->yaml);
        return 0;
    }
    if (!write_whole(asked.output, made->yaml, asked.force, why)) {
        to_stderr("sidecache init: " + asked.output + " cannot be written: " + why + "\n");
        return 1;
    }
    to_stderr(asked.output + ": " + counted(made->rules, "rule") + ", " +
              counted(made->purges, "purge") + "; " + counted(made->left_out, "route") +
              " left out, each named at the end of the file\nNext: sidecache check " +
              asked.output + "\n");
    return 0;
}

}  // namespace sidecache::command
