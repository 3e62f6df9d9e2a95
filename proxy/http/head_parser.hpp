#pragma once

#include "proxy/http/framing.hpp"
#include "proxy/http/message.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace sidecache::http {

/// Bytes in, request heads out; no I/O. One strict look over a head that arrives whole, as strict
/// as `head_scanner` and Beast's parser behind it (tests/http compares), then `framing` judges; the
/// result is written into a head whose storage is used again. One thread.
class request_parser {
public:
    explicit request_parser(head_limits limits) : scanner_(true, limits), limits_(limits) {}

    struct step {
        refusal bad;
        /// Bytes to drop from the front: the head when it is complete; otherwise empty lines
        /// before it, which are ignored (RFC 9112 section 2.2).
        std::size_t consumed = 0;
        bool complete = false;
    };
    /// `bytes` begin where the last call's `consumed` ended. After `bad` the connection is over.
    step parse(std::string_view bytes, request_head& into);

private:
    head_scanner scanner_;
    head_limits limits_;
    bool arrives_in_pieces_ = false;
    std::vector<field_list::found> lines_;
};

}  // namespace sidecache::http
