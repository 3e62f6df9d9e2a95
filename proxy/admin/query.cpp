#include "proxy/admin/query.hpp"

#include <charconv>

namespace sidecache::admin {

namespace {

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            unsigned byte = 0;
            auto const hex = text.substr(i + 1, 2);
            auto const end = std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16).ptr;
            if (hex.size() != 2 || end != hex.data() + 2) {
                return std::nullopt;
            }
            out += static_cast<char>(byte);
            i += 2;
        }
    }
    return out;
}

}  // namespace

std::optional<query_parameters> parse_query(std::string_view query) {
    query_parameters out;
    while (!query.empty()) {
        auto const end = query.find('&');
        auto const pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (pair.empty()) {
            continue;
        }
        auto const equals = pair.find('=');
        auto name = decode(pair.substr(0, equals));
        auto value = decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
        if (!name || !value) {
            return std::nullopt;
        }
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

}  // namespace sidecache::admin
