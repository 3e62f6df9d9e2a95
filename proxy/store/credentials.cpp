#include "proxy/store/credentials.hpp"

#include "proxy/store/resp_writer.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

namespace sidecache::store {

namespace {

constexpr std::size_t longest_password = 4096;

}  // namespace

result<credentials, connect_error> read_credentials(std::string user,
                                                    std::string password,
                                                    std::string const& password_file) {
    if (password_file.empty()) {
        return credentials{std::move(user), std::move(password)};
    }
    auto const failed = [&](std::string why) {
        return connect_error{store_error::refused,
                             "the password file " + password_file + " " + std::move(why)};
    };
    auto const close = [](std::FILE* f) { std::fclose(f); };
    std::unique_ptr<std::FILE, decltype(close)> const file(std::fopen(password_file.c_str(), "rbe"),
                                                           close);
    if (!file) {
        auto const why = std::error_code(errno, std::generic_category());
        return failed("cannot be read: " + why.message());
    }
    std::string text(longest_password + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return failed("cannot be read");
    }
    if (text.size() > longest_password) {
        return failed("is too long for a password");
    }
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
    }
    if (text.empty()) {
        return failed("is empty");
    }
    return credentials{std::move(user), std::move(text)};
}

std::size_t append_greeting(std::string& out, credentials const& who, std::string_view name) {
    std::size_t commands = 1;
    if (!who.password.empty()) {
        if (who.user.empty()) {
            append_command(out, std::string_view("AUTH"), who.password);
        } else {
            append_command(out, std::string_view("AUTH"), who.user, who.password);
        }
        ++commands;
    }
    append_command(out, std::string_view("CLIENT"), std::string_view("SETNAME"), name);
    return commands;
}

}  // namespace sidecache::store
