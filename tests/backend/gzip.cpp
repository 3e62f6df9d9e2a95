#include "tests/backend/gzip.hpp"

#include <zlib.h>

#include <stdexcept>

namespace backend {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib.h: 16 more asks for the gzip wrapper
constexpr std::size_t limit = 64U << 20;

Bytef* bytes_of(std::string_view s) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(s.data()));  // zlib does not write there
}

}  // namespace

std::string gzip(std::string_view plain) {
    z_stream z{};
    if (::deflateInit2(&z, 6, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("deflateInit2");
    }
    std::string out(::deflateBound(&z, plain.size()), '\0');
    z.next_in = bytes_of(plain);
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = bytes_of(out);
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    ::deflateEnd(&z);
    return out;
}

std::optional<std::string> gunzip(std::string_view packed) {
    z_stream z{};
    if (::inflateInit2(&z, gzip_window) != Z_OK) {
        return std::nullopt;
    }
    z.next_in = bytes_of(packed);
    z.avail_in = static_cast<uInt>(packed.size());
    std::string out;
    int result = Z_OK;
    while (result == Z_OK && out.size() < limit) {
        std::string piece(65536, '\0');
        z.next_out = bytes_of(piece);
        z.avail_out = static_cast<uInt>(piece.size());
        result = ::inflate(&z, Z_NO_FLUSH);
        out.append(piece, 0, piece.size() - z.avail_out);
        if (z.avail_in == 0 && result == Z_OK && z.avail_out != 0) {
            break;  // cut short
        }
    }
    ::inflateEnd(&z);
    return result == Z_STREAM_END ? std::optional<std::string>(std::move(out)) : std::nullopt;
}

}  // namespace backend
