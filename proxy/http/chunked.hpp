#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sidecache::http {

/// Undoes chunked transfer coding (RFC 9112 section 7.1), byte by byte, and keeps nothing but where
/// it stands. Stricter than the grammar where readers are known to differ: lines end in CRLF and
/// hold no control bytes, sizes are hex digits alone. Extensions and trailers are checked and
/// dropped (section 7.1.2 allows it; merging trailers is how fields get forged).
///
/// Not Beast's: that one asserts on bytes from outside (a lone "0\r\n\r" while more is to come),
/// and looks at a line that trickles in from its beginning each time.
class chunked_decoder {
public:
    void reset();

    struct step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };
    /// Moves content from the front of `bytes` to `out`; stops when either is used up, at the end,
    /// and at what is malformed.
    step put(std::string_view bytes, std::span<char> out);

    bool complete() const { return state_ == state::complete; }
    bool malformed() const { return state_ == state::malformed; }

private:
    enum class state : std::uint8_t {
        size_begin,       // at least one digit
        size,             // more digits, or what ends them
        extension_gap,    // white space that a `;` has to follow
        extension_begin,  // behind `;`: white space, then a name
        extension,        // anything up to CR
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,  // a line of the trailers, or the empty one that ends them
        trailer_lf,
        complete,
        malformed,
    };

    state next(char c);
    state end_of_size_line() const;
    state end_of_trailer();

    state state_ = state::size_begin;
    std::uint64_t remaining_ = 0;      // of the present chunk, or its size while that is read
    std::size_t extension_bytes_ = 0;  // of the whole message
    std::size_t trailer_bytes_ = 0;
    unsigned digits_ = 0;
    std::string trailer_;  // the present line
};

}  // namespace sidecache::http
