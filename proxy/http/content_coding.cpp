#include "proxy/http/content_coding.hpp"

#include "proxy/http/hop_by_hop.hpp"
#include "rules/request.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <vector>

namespace sidecache::http {

namespace {

/// One coding is plenty; a stack of them is somebody's game.
constexpr std::size_t max_codings = 4;

// 15: the largest window. +32: a gzip or a zlib head, whichever is there. -15: raw deflate, which
// is what some old senders call "deflate" (RFC 9110 section 8.4.1.2, note).
constexpr int gzip_or_zlib = 15 + 32;
constexpr int raw_deflate = -15;

struct inflate_ender {
    void operator()(z_stream* s) const { ::inflateEnd(s); }
};

std::optional<std::string> inflate_all(std::string_view bytes, std::size_t limit, int window) {
    z_stream stream{};
    if (::inflateInit2(&stream, window) != Z_OK) {
        return std::nullopt;
    }
    std::unique_ptr<z_stream, inflate_ender> const ender(&stream);
    if (bytes.size() > std::numeric_limits<uInt>::max()) {
        return std::nullopt;
    }
    // zlib does not write through next_in; its type is from before const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    std::array<char, 16'384> piece;
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        int const rc = ::inflate(&stream, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END) {
            return std::nullopt;
        }
        std::size_t const came = piece.size() - stream.avail_out;
        if (came > limit - out.size()) {
            return std::nullopt;
        }
        out.append(piece.data(), came);
        if (rc == Z_OK) {
            continue;
        }
        if (stream.avail_in == 0) {
            return out;
        }
        // Several gzip members in a row are one content (RFC 1952 section 2.2).
        if (window != gzip_or_zlib || ::inflateReset(&stream) != Z_OK) {
            return std::nullopt;
        }
    }
}

}  // namespace

std::optional<std::string> decode_content(std::string_view coding,
                                          std::string_view bytes,
                                          std::size_t limit) {
    std::vector<std::string_view> codings;
    for_each_token(coding, [&](std::string_view name) {
        if (!rules::iequals(name, "identity")) {
            codings.push_back(name);
        }
    });
    if (codings.size() > max_codings || bytes.size() > limit) {
        return std::nullopt;
    }
    std::optional<std::string> content(bytes);
    std::reverse(codings.begin(), codings.end());
    for (auto const name : codings) {
        if (rules::iequals(name, "gzip") || rules::iequals(name, "x-gzip")) {
            content = inflate_all(*content, limit, gzip_or_zlib);
        } else if (rules::iequals(name, "deflate")) {
            auto decoded = inflate_all(*content, limit, gzip_or_zlib);
            content = decoded ? std::move(decoded) : inflate_all(*content, limit, raw_deflate);
        } else {
            return std::nullopt;
        }
        if (!content) {
            return std::nullopt;
        }
    }
    return content;
}

}  // namespace sidecache::http
