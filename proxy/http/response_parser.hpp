#pragma once

#include "proxy/http/framing.hpp"
#include "proxy/http/message.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace sidecache::http {

/// Bytes in, heads of answers out; no I/O. As strict as Beast's parser with `head_scanner` before
/// it (tests/http compares), and whatever `frame_response` refuses is malformed, too. A head that
/// arrives whole is looked at once. One thread.
class response_parser {
public:
    explicit response_parser(std::size_t max_header)
        : max_header_(max_header), scanner_(false, head_limits{0, max_header}) {}

    struct step {
        bool malformed = false;
        /// Bytes to drop from the front, once the head is complete.
        std::size_t consumed = 0;
        bool complete = false;
        /// A field of `is_hop_by_hop` is among the complete head's.
        bool has_hop_fields = false;
    };
    /// `bytes` begin where the last call's `consumed` ended, and only ever grow between calls.
    /// `into` is overwritten, its storage used again. After `malformed` the connection is over.
    step parse(std::string_view bytes, response_head& into);

    /// For another connection.
    void reset() {
        scanner_.reset();
        arrives_in_pieces_ = false;
    }

private:
    step read(std::string_view bytes, response_head& into);

    std::size_t max_header_;
    head_scanner scanner_;
    bool arrives_in_pieces_ = false;
    std::vector<field_list::found> lines_;
};

}  // namespace sidecache::http
