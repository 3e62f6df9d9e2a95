#include "tests/support/beast_response.hpp"

#include "proxy/http/framing.hpp"
#include "proxy/http/hop_by_hop.hpp"
#include "proxy/http/response_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace sidecache::tests {

namespace {

using namespace http;
namespace beast_http = boost::beast::http;
using beast_http::field;
using beast_view = boost::beast::string_view;
using beast_error = boost::beast::error_code;

std::string_view view(beast_view s) {
    return {s.data(), s.size()};
}

class collector final : public beast_http::basic_parser<false> {
public:
    explicit collector(response_head& into) : into_(into) {
        header_limit(0xffffffffU);
        body_limit(boost::none);
        eager(false);
    }
    framing_fields framing;
    bool lengths_equal = true;

private:
    void on_request_impl(beast_http::verb, beast_view, beast_view, int, beast_error&) override {}
    void on_response_impl(int status, beast_view reason, int version, beast_error&) override {
        into_.status = static_cast<unsigned>(status);
        into_.reason = view(reason);
        into_.version = static_cast<unsigned>(version);
    }
    void on_field_impl(field name, beast_view text, beast_view value, beast_error&) override {
        if (name == field::content_length) {
            if (framing.content_lengths++ == 0) {
                framing.content_length = view(value);
            } else {
                lengths_equal = lengths_equal && framing.content_length == view(value);
            }
        } else if (name == field::transfer_encoding) {
            if (framing.transfer_encodings++ == 0) {
                framing.transfer_encoding = view(value);
            }
        } else {
            into_.fields.add(view(text), view(value));
        }
    }
    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
    std::size_t on_body_impl(beast_view, beast_error&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast_view, beast_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_view, beast_error&) override { return 0; }
    void on_finish_impl(beast_error&) override {}

    response_head& into_;
};

bool says(response_head const& head, std::string_view option) {
    bool found = false;
    head.fields.for_each([&](std::string_view name, std::string_view value) {
        if (rules::iequals(name, "Connection")) {
            for_each_token(
                value, [&](std::string_view one) { found = found || rules::iequals(one, option); });
        }
    });
    return found;
}

std::string written(field_list const& fields) {
    std::string out;
    fields.write_to(out);
    return out;
}

bool has_hop_fields(field_list const& fields) {
    bool found = false;
    fields.for_each(
        [&](std::string_view name, std::string_view) { found = found || is_hop_by_hop(name); });
    return found;
}

void require(bool condition, char const* what, std::string_view bytes) {
    if (!condition) {
        std::fprintf(stderr,
                     "other than Beast: %s, of:\n%.*s\n",
                     what,
                     static_cast<int>(bytes.size()),
                     bytes.data());
        std::abort();
    }
}

void compare(response_parser::step const& ours,
             response_head const& head,
             std::string_view bytes,
             std::size_t max_header) {
    using verdict = beast_response::verdict;
    auto const theirs = read_with_beast(bytes, max_header);
    if (ours.malformed && theirs.what == verdict::incomplete) {
        // Refused before it is complete; then nothing that completes it may be right.
        auto const completed = read_with_beast(std::string(bytes) + "\r\n\r\n", max_header);
        require(completed.what == verdict::malformed, "refused too soon", bytes);
        return;
    }
    require(ours.malformed == (theirs.what == verdict::malformed), "malformed", bytes);
    require(ours.complete == (theirs.what == verdict::complete), "complete", bytes);
    if (!ours.complete) {
        return;
    }
    auto const& other = theirs.head;
    require(ours.consumed == theirs.size, "size", bytes);
    require(
        head.status == other.status && head.version == other.version && head.reason == other.reason,
        "status line",
        bytes);
    require(head.body == other.body && head.content_length == other.content_length &&
                head.announces_content == other.announces_content &&
                head.keep_alive == other.keep_alive,
            "framing",
            bytes);
    require(written(head.fields) == written(other.fields), "fields", bytes);
    require(std::ranges::equal(head.fields.all(),
                               other.fields.all(),
                               [](auto const& a, auto const& b) {
                                   return a.name == b.name && a.value == b.value;
                               }),
            "views of fields",
            bytes);
    require(ours.has_hop_fields == has_hop_fields(other.fields), "hop-by-hop fields", bytes);
}

}  // namespace

beast_response read_with_beast(std::string_view bytes, std::size_t max_header) {
    using verdict = beast_response::verdict;
    beast_response out;
    head_scanner scanner(false, head_limits{0, max_header});
    auto const scanned = scanner.scan(bytes);
    if (scanned.bad || scanned.size == 0) {
        out.what = scanned.bad ? verdict::malformed : verdict::incomplete;
        return out;
    }
    out.what = verdict::malformed;
    collector collect(out.head);
    beast_error error;
    collect.put({bytes.data(), scanned.size}, error);
    auto& head = out.head;
    if (error || head.status < 100 || head.status > 599) {
        return out;
    }
    auto const framed =
        frame_response(collect.framing, head.version, head.status, collect.lengths_equal);
    if (framed.malformed) {
        return out;
    }
    head.body = framed.body;
    head.content_length = framed.length;
    head.announces_content = collect.framing.transfer_encodings != 0 ||
                             parse_content_length(collect.framing.content_length).value_or(0) != 0;
    if (head.announces_content && head.status / 100 == 1) {
        return out;
    }
    head.keep_alive = !says(head, "close") && (head.version >= 11 || says(head, "keep-alive"));
    out.size = scanned.size;
    out.what = verdict::complete;
    return out;
}

void compare_with_beast(std::string_view bytes, std::size_t max_header, std::size_t piece) {
    response_head head;
    response_parser whole(max_header);
    compare(whole.parse(bytes, head), head, bytes, max_header);

    response_parser split(max_header);
    for (std::size_t have = 0; have < bytes.size();) {
        have = std::min(have + piece, bytes.size());
        auto const so_far = bytes.substr(0, have);
        auto const step = split.parse(so_far, head);
        if (step.malformed || step.complete || have == bytes.size()) {
            compare(step, head, so_far, max_header);
            return;
        }
    }
}

}  // namespace sidecache::tests
