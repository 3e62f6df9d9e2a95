#pragma once

#include <cstddef>
#include <string_view>

namespace sidecache::tests {

/// Whether `http::request_parser`, given `bytes` at once or `piece` by piece, says of the head that
/// they begin with what `head_scanner`, Beast's parser behind it and `http/framing` say: the same
/// refusal or, of a complete head, the same meaning and fields. Aborts and prints the bytes where
/// it does not. True: the head is complete and right.
bool compare_request_with_beast(std::string_view bytes, std::size_t piece);

}  // namespace sidecache::tests
