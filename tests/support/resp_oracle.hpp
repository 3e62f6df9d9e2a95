#pragma once

#include "proxy/store/resp_reader.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// What a stream of replies means: to `store::resp_reader`, and to hiredis's reader, which is the
/// oracle. Both in one form, so that tests and the fuzz target compare texts.
namespace sidecache::tests {

struct resp_meaning {
    /// The complete replies, a line each, their elements behind them.
    std::string replies;
    store::resp_reader::status end = store::resp_reader::status::partial;
    /// A text is announced that is larger than the limit: `resp_reader` does not wait for it.
    bool announces_too_much = false;
};

/// Read in pieces of that size. `partial` also means: nothing was begun.
resp_meaning read_ours(std::string_view bytes, std::size_t piece, store::resp_limits limits);

/// By hiredis, in one piece, with the limits that sidecache adds: no arrays in arrays, so many
/// elements, a text that ends with CR LF (which hiredis takes for granted).
resp_meaning read_by_hiredis(std::string_view bytes, store::resp_limits limits);

/// Whether both say the same of bytes that fit into the limits as a whole.
bool agree(resp_meaning const& ours, resp_meaning const& theirs);

}  // namespace sidecache::tests
