#include "proxy/http/content_reader.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace sidecache::http {

void content_reader::begin(framing body, std::uint64_t length, std::uint64_t limit) {
    body_ = body;
    limit_ = limit;
    size_ = 0;
    remaining_ = body == framing::length ? length : 0;
    complete_ = body == framing::none || (body == framing::length && length == 0);
    chunked_.reset();
}

content_reader::step content_reader::put(std::string_view bytes, std::span<char> out) {
    if (complete_ || bytes.empty()) {
        return {};
    }
    step result;
    if (body_ == framing::chunked) {
        auto const decoded = chunked_.put(bytes, out);
        result.consumed = decoded.consumed;
        result.produced = decoded.produced;
        complete_ = chunked_.complete();
        size_ += decoded.produced;
        if (chunked_.malformed()) {
            result.bad = trouble::malformed;
        }
    } else {
        auto const count = static_cast<std::size_t>(
            std::min<std::uint64_t>({contiguous(), bytes.size(), out.size()}));
        std::copy_n(bytes.begin(), count, out.begin());
        took(count);
        result.consumed = count;
        result.produced = count;
    }
    if (limit_ != 0 && size_ > limit_ && result.bad == trouble::none) {
        result.bad = trouble::too_large;
    }
    return result;
}

std::uint64_t content_reader::contiguous() const {
    switch (body_) {
        case framing::length:
            return remaining_;
        case framing::close:
            return complete_ ? 0 : std::numeric_limits<std::uint64_t>::max();
        case framing::none:
        case framing::chunked:
            return 0;
    }
    return 0;
}

void content_reader::took(std::uint64_t count) {
    size_ += count;
    if (body_ == framing::length) {
        assert(count <= remaining_ && "more was taken than the head had promised");
        remaining_ -= count;
        complete_ = remaining_ == 0;
    }
}

bool content_reader::end_of_stream() {
    if (body_ == framing::close) {
        complete_ = true;
    }
    return complete_;
}

}  // namespace sidecache::http
