#include "config/file_text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace sidecache::config {

std::variant<std::string, std::error_code> read_text(std::string const& path) {
    auto const close = [](std::FILE* f) { std::fclose(f); };
    std::unique_ptr<std::FILE, decltype(close)> const file(std::fopen(path.c_str(), "rbe"), close);
    if (!file) {
        return std::error_code(errno, std::generic_category());
    }
    std::string text;
    std::array<char, 65'536> piece{};
    while (text.size() < most_read && std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
        auto const n = std::fread(piece.data(), 1, piece.size(), file.get());
        text.append(piece.data(), n);
    }
    if (std::ferror(file.get()) != 0) {
        return std::error_code(errno, std::generic_category());
    }
    return text;
}

}  // namespace sidecache::config
