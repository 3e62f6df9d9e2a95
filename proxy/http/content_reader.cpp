#include "proxy/http/content_reader.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cassert>
#include <limits>

namespace sidecache::http {

namespace {

namespace beast_http = boost::beast::http;
using beast_view = boost::beast::string_view;
using beast_error = boost::beast::error_code;

/// A chunk's head, or the trailers, may wait for more bytes up to this size.
constexpr std::size_t max_chunk_head = 8 << 10;

// Beast would wait for a CRLF behind it, and then refuse.
bool has_bare_lf(std::string_view lines) {
    for (auto lf = lines.find('\n'); lf != std::string_view::npos; lf = lines.find('\n', lf + 1)) {
        if (lf == 0 || lines[lf - 1] != '\r') {
            return true;
        }
    }
    return false;
}

}  // namespace

/// Beast's parser behind a canned head: only its chunked half is of interest here. Trailers are
/// checked and dropped (RFC 9112 section 7.1.2 allows it; merging them is how fields get forged).
class content_reader::chunked final : public beast_http::basic_parser<true> {
public:
    chunked() {
        this->header_limit(0xffffffffU);
        this->body_limit(boost::none);
        this->eager(false);
        constexpr std::string_view head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        beast_error error;
        this->basic_parser::put({head.data(), head.size()}, error);
        assert(!error && this->is_header_done());
    }

    step decode(std::string_view bytes, std::span<char> out) {
        out_ = out;
        produced_ = 0;
        step result;
        while (result.consumed < bytes.size() && !this->is_done()) {
            auto const rest = bytes.substr(result.consumed);
            beast_error error;
            auto const used = this->basic_parser::put({rest.data(), rest.size()}, error);
            result.consumed += used;
            if (error == beast_http::error::need_buffer) {
                break;
            }
            if (error == beast_http::error::need_more) {
                auto const waiting = rest.substr(used);
                if (waiting.size() > max_chunk_head || has_bare_lf(waiting)) {
                    result.bad = trouble::malformed;
                }
                break;
            }
            if (error) {
                result.bad = trouble::malformed;
                break;
            }
        }
        result.produced = produced_;
        return result;
    }

private:
    void on_request_impl(beast_http::verb, beast_view, beast_view, int, beast_error&) override {}
    void on_response_impl(int, beast_view, int, beast_error&) override {}
    void on_field_impl(beast_http::field, beast_view, beast_view, beast_error&) override {}
    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
    std::size_t on_body_impl(beast_view, beast_error&) override { return 0; }

    void on_chunk_header_impl(std::uint64_t, beast_view extension, beast_error& error) override {
        // Beast lets control bytes into a quoted extension; a reader that ends lines at a bare LF
        // would see another chunk there.
        bool const clean = std::none_of(extension.begin(), extension.end(), [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
        });
        if (!clean) {
            error = beast_http::error::bad_chunk_extension;
        }
    }

    std::size_t on_chunk_body_impl(std::uint64_t, beast_view some, beast_error& error) override {
        auto const room = out_.size() - produced_;
        if (room == 0) {
            error = beast_http::error::need_buffer;
            return 0;
        }
        auto const taken = std::min(room, some.size());
        std::copy_n(some.begin(), taken, out_.begin() + static_cast<std::ptrdiff_t>(produced_));
        produced_ += taken;
        return taken;
    }

    void on_finish_impl(beast_error&) override {}

    std::span<char> out_;
    std::size_t produced_ = 0;
};

content_reader::content_reader() = default;
content_reader::~content_reader() = default;

void content_reader::begin(framing body, std::uint64_t length, std::uint64_t limit) {
    body_ = body;
    limit_ = limit;
    size_ = 0;
    remaining_ = body == framing::length ? length : 0;
    complete_ = body == framing::none || (body == framing::length && length == 0);
    chunked_.reset();
    if (body == framing::chunked) {
        chunked_ = std::make_unique<chunked>();
    }
}

content_reader::step content_reader::put(std::string_view bytes, std::span<char> out) {
    if (complete_ || bytes.empty()) {
        return {};
    }
    step result;
    if (chunked_) {
        result = chunked_->decode(bytes, out);
        complete_ = chunked_->is_done();
        size_ += result.produced;
        if (limit_ != 0 && size_ > limit_) {
            result.bad = trouble::too_large;
        }
        return result;
    }
    auto const count =
        static_cast<std::size_t>(std::min<std::uint64_t>({contiguous(), bytes.size(), out.size()}));
    std::copy_n(bytes.begin(), count, out.begin());
    took(count);
    result.consumed = count;
    result.produced = count;
    if (limit_ != 0 && size_ > limit_) {
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
