#pragma once

#include "proxy/http/chunked.hpp"
#include "proxy/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sidecache::http {

/// Bytes in, content out, as the head has framed it; no I/O. One thread.
class content_reader {
public:
    /// `limit`: content longer than that is too large; 0: no limit.
    void begin(framing body, std::uint64_t length, std::uint64_t limit = 0);

    enum class trouble {
        none,
        malformed,  ///< not chunked coding, or extensions or trailers beyond all measure
        too_large,  ///< longer than `limit`
    };
    struct step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        trouble bad = trouble::none;
    };
    /// Moves content from the front of `bytes` to `out`.
    step put(std::string_view bytes, std::span<char> out);
    bool complete() const { return complete_; }

    /// How many bytes of content are known to come next with nothing between them, so that they
    /// may be read past this reader, into their place at once; then say `took`.
    std::uint64_t contiguous() const;
    void took(std::uint64_t count);

    /// The connection has ended; whether that completes the content (`framing::close`).
    bool end_of_stream();

    /// Content bytes so far.
    std::uint64_t size() const { return size_; }

private:
    chunked_decoder chunked_;
    framing body_ = framing::none;
    bool complete_ = true;
    std::uint64_t remaining_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace sidecache::http
