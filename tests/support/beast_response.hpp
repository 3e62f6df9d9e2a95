#pragma once

#include "proxy/http/message.hpp"

#include <cstddef>
#include <string_view>

namespace sidecache::tests {

/// How Beast's parser, behind `head_scanner` and before `frame_response`, reads the head of an
/// answer: what `http::response_parser` is held against.
struct beast_response {
    enum class verdict { incomplete, complete, malformed };
    verdict what = verdict::incomplete;
    std::size_t size = 0;  ///< of the whole head, when it is complete
    http::response_head head;
};

/// Reads the head that `bytes` begin with.
beast_response read_with_beast(std::string_view bytes, std::size_t max_header);

/// Aborts unless `http::response_parser`, given `bytes` at once or `piece` by piece, says the same:
/// the same verdict and, of a complete head, the same meaning and fields.
void compare_with_beast(std::string_view bytes, std::size_t max_header, std::size_t piece);

}  // namespace sidecache::tests
