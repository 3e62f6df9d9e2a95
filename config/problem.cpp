#include "config/problem.hpp"

namespace sidecache::config {

std::string quoted(std::string_view value) {
    constexpr std::size_t longest = 80;
    constexpr char digits[] = "0123456789abcdef";
    std::string out = "`";
    for (char const c : value.substr(0, longest)) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F) {
            out += "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        } else {
            out += c;
        }
    }
    if (value.size() > longest) {
        out += "...";
    }
    return out + "`";
}

}  // namespace sidecache::config
