#pragma once

#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sidecache::http {

/// Appends to a string that is made large enough beforehand: the pieces of a head are many and
/// small, and `append` asks of each whether there is room. One thread; the string is whole again
/// when the writer goes.
class text_writer {
public:
    /// `most`: of all that will be written.
    text_writer(std::string& out, std::size_t most) : out_(out) {
        auto const begin = out.size();
        out.resize(begin + most);
        at_ = out.data() + begin;
        end_ = at_ + most;
    }
    text_writer(text_writer const&) = delete;
    text_writer& operator=(text_writer const&) = delete;
    ~text_writer() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

    text_writer& text(std::string_view s) {
        assert(s.size() <= static_cast<std::size_t>(end_ - at_) && "more than was reckoned with");
        if (!s.empty()) {
            std::memcpy(at_, s.data(), s.size());
            at_ += s.size();
        }
        return *this;
    }
    text_writer& number(std::uint64_t n) {
        auto const [end, error] = std::to_chars(at_, end_, n);
        assert(error == std::errc{} && "more than was reckoned with");
        at_ = end;
        return *this;
    }

private:
    std::string& out_;
    char* at_;
    char* end_;
};

}  // namespace sidecache::http
