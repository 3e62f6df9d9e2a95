#include "proxy/http/chunked.hpp"

#include "rules/request.hpp"

#include <algorithm>

namespace sidecache::http {

namespace {

/// Content that is mostly extensions is an attack on whoever reads it.
constexpr std::size_t max_extensions = 16 << 10;
constexpr std::size_t max_trailers = 8 << 10;
/// Below 2^63, with room for leading zeros.
constexpr unsigned max_digits = 16;

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    auto const lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

/// tchar (RFC 9110 section 5.6.2).
bool is_token(char c) {
    auto const lower = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// A field line; none that would frame a message (RFC 9110 section 6.5.1).
bool is_trailer(std::string_view line) {
    auto const colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return false;
    }
    auto const name = line.substr(0, colon);
    auto const value = line.substr(colon + 1);
    return std::all_of(name.begin(), name.end(), is_token) &&
           std::none_of(value.begin(), value.end(), is_control) &&
           !rules::iequals(name, "Content-Length") && !rules::iequals(name, "Transfer-Encoding");
}

}  // namespace

void chunked_decoder::reset() {
    state_ = state::size_begin;
    remaining_ = 0;
    extension_bytes_ = 0;
    trailer_bytes_ = 0;
    digits_ = 0;
    trailer_.clear();
}

chunked_decoder::step chunked_decoder::put(std::string_view bytes, std::span<char> out) {
    step done;
    while (done.consumed < bytes.size() && !complete() && !malformed()) {
        if (state_ != state::data) {
            state_ = next(bytes[done.consumed]);
            ++done.consumed;
            continue;
        }
        auto const count = static_cast<std::size_t>(std::min<std::uint64_t>(
            {remaining_, bytes.size() - done.consumed, out.size() - done.produced}));
        if (count == 0) {
            break;
        }
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(done.consumed),
                    count,
                    out.begin() + static_cast<std::ptrdiff_t>(done.produced));
        done.consumed += count;
        done.produced += count;
        remaining_ -= count;
        if (remaining_ == 0) {
            state_ = state::data_cr;
        }
    }
    return done;
}

chunked_decoder::state chunked_decoder::next(char c) {
    switch (state_) {
        case state::size_begin:
        case state::size: {
            auto const digit = hex_value(c);
            if (digit >= 0) {
                if (++digits_ > max_digits || remaining_ >> 59U != 0) {
                    return state::malformed;
                }
                remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
                return state::size;
            }
            if (state_ == state::size_begin) {
                return state::malformed;
            }
            if (c == '\r') {
                return state::size_lf;
            }
            if (c == ';') {
                return state::extension_begin;
            }
            return c == ' ' || c == '\t' ? state::extension_gap : state::malformed;
        }
        case state::extension_gap:
        case state::extension_begin:
        case state::extension:
            if (++extension_bytes_ > max_extensions) {
                return state::malformed;
            }
            if (state_ == state::extension) {
                if (c == '\r') {
                    return state::size_lf;
                }
                return is_control(c) ? state::malformed : state::extension;
            }
            if (c == ' ' || c == '\t') {
                return state_;
            }
            if (state_ == state::extension_gap) {
                return c == ';' ? state::extension_begin : state::malformed;
            }
            return is_token(c) ? state::extension : state::malformed;
        case state::size_lf:
            return c == '\n' ? end_of_size_line() : state::malformed;
        case state::data_cr:
            return c == '\r' ? state::data_lf : state::malformed;
        case state::data_lf:
            digits_ = 0;
            return c == '\n' ? state::size_begin : state::malformed;
        case state::trailer:
            if (++trailer_bytes_ > max_trailers) {
                return state::malformed;
            }
            if (c == '\r') {
                return state::trailer_lf;
            }
            if (is_control(c)) {
                return state::malformed;
            }
            trailer_.push_back(c);
            return state::trailer;
        case state::trailer_lf:
            return c == '\n' ? end_of_trailer() : state::malformed;
        case state::data:
        case state::complete:
        case state::malformed:
            break;
    }
    return state_;
}

chunked_decoder::state chunked_decoder::end_of_size_line() const {
    return remaining_ == 0 ? state::trailer : state::data;
}

chunked_decoder::state chunked_decoder::end_of_trailer() {
    if (trailer_.empty()) {
        return state::complete;
    }
    bool const good = is_trailer(trailer_);
    trailer_.clear();
    return good ? state::trailer : state::malformed;
}

}  // namespace sidecache::http
