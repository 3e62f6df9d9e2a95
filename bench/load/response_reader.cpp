#include "bench/load/response_reader.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace load {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

/// The value of a field; empty: it is not there.
std::string_view field(std::string_view head, std::string_view name) {
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        if (head.size() > at + name.size() && head[at + name.size()] == ':' &&
            ::strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
            auto value = head.substr(at + name.size() + 1);
            value = value.substr(0, value.find("\r\n"));
            value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
            return value;
        }
    }
    return {};
}

}  // namespace

void response_reader::take(std::string_view bytes) {
    if (state_ == state::body) {
        skipped(std::min<std::uint64_t>(left_, bytes.size()));
        return;
    }
    held_.append(bytes);
    if (state_ == state::head) {
        take_head();
    }
    if (state_ == state::chunks) {
        take_chunks();
    }
}

void response_reader::take_head() {
    auto const end = held_.find(end_of_head);
    if (end == std::string::npos) {
        return;
    }
    auto const head = std::string_view(held_).substr(0, end + 2);
    status_ = 0;
    if (head.size() > 12) {
        std::from_chars(head.data() + 9, head.data() + 12, status_);
    }
    if (auto const length = field(head, "Content-Length"); !length.empty()) {
        left_ = 0;
        std::from_chars(length.data(), length.data() + length.size(), left_);
        auto const here = held_.size() - end - end_of_head.size();
        state_ = state::body;
        skipped(std::min<std::uint64_t>(left_, here));
    } else if (!field(head, "Transfer-Encoding").empty()) {
        state_ = state::chunks;
        held_.erase(0, end + end_of_head.size());
    } else {
        state_ = status_ == 204 || status_ == 304 ? state::done : state::broken;
    }
}

void response_reader::take_chunks() {
    for (;;) {
        auto const line = held_.find("\r\n");
        if (line == std::string::npos) {
            return;
        }
        std::size_t size = 0;
        std::from_chars(held_.data(), held_.data() + line, size, 16);
        if (held_.size() < line + 2 + size + 2) {
            return;
        }
        held_.erase(0, line + 2 + size + 2);
        if (size == 0) {
            state_ = state::done;
            return;
        }
    }
}

}  // namespace load
