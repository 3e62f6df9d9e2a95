// Requests from bytes, split where the input says. What must hold for any bytes:
// - their head means what Beast's parser takes it to mean, and is refused with the same status;
// - the pieces in which they arrive make no difference to what is parsed;
// - what is accepted, written as the upstream would get it and parsed again, means the same: no
//   other request hides in it, neither by our own parser nor by one that forgives nothing and
//   shares no line with ours.
#include "proxy/http/content_reader.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/http/head_parser.hpp"
#include "tests/support/beast_request.hpp"
#include "tests/support/strict_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace sidecache::http;

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

struct message {
    bool refused = false;
    bool complete = false;
    request_head head;
    std::string content;
    std::size_t size = 0;
};

message read_all(std::string_view bytes, std::size_t piece) {
    message m;
    request_parser parser(head_limits{.max_target = 512, .max_header = 4'096});
    content_reader content;
    bool in_content = false;
    std::string held;
    std::array<char, 7> out;
    for (std::size_t at = 0; at < bytes.size() && !m.complete && !m.refused;) {
        auto const some = bytes.substr(at, piece);
        at += some.size();
        held += some;
        if (!in_content) {
            auto const step = parser.parse(held, m.head);
            require(step.consumed <= held.size());
            held.erase(0, step.consumed);
            m.size += step.consumed;
            m.refused = static_cast<bool>(step.bad);
            if (!step.complete) {
                continue;
            }
            in_content = true;
            content.begin(m.head.body, m.head.content_length, 4'096);
        }
        for (;;) {
            m.complete = content.complete();
            auto const step = content.put(held, out);
            require(step.consumed <= held.size() && step.produced <= out.size());
            held.erase(0, step.consumed);
            m.size += step.consumed;
            m.content.append(out.data(), step.produced);
            m.refused = step.bad != content_reader::trouble::none;
            if (m.refused || (step.consumed == 0 && step.produced == 0)) {
                break;
            }
        }
        m.complete = content.complete() && !m.refused;
    }
    return m;
}

/// What comes behind is no request of this client's.
void require_one_request(request_head const& sent,
                         std::string const& wire,
                         std::string const& content) {
    auto const seen = sidecache::tests::read_strictly(wire + "GET /next HTTP/1.1\r\n");
    require(seen.what == sidecache::tests::strict_request::verdict::complete);
    require(seen.size == wire.size());
    require(seen.method == sent.method && seen.target == sent.target && seen.host == sent.host);
    require(seen.content == content);
}

/// As the session's writer makes them.
std::string in_chunks(std::string_view content, std::size_t piece) {
    std::string out;
    for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
        auto const some = content.substr(0, piece);
        std::array<char, 16> size;
        auto* const end =
            std::to_chars(size.data(), size.data() + size.size(), some.size(), 16).ptr;
        out.append(size.data(), end).append("\r\n").append(some).append("\r\n");
    }
    return out + "0\r\n\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    std::size_t const piece = 1 + data[0] % 32;
    std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
    (void)sidecache::tests::compare_request_with_beast(bytes, piece);
    auto const whole = read_all(bytes, bytes.size());
    auto const split = read_all(bytes, piece);
    require(whole.complete == split.complete);
    if (!whole.complete) {
        return 0;
    }
    require(whole.content == split.content && whole.size == split.size);
    require(whole.head.method == split.head.method && whole.head.target == split.head.target);

    auto sent = prepare_upstream_request(whole.head, {"127.0.0.1", "fallback"});
    std::string wire = sent.method + " " + sent.target + " HTTP/1.1\r\n";
    sent.fields.write_to(wire);
    wire += "Content-Length: " + std::to_string(whole.content.size()) + "\r\n\r\n" + whole.content;
    request_parser again({.max_target = 1'024, .max_header = 16'384});
    request_head head;
    auto const step = again.parse(wire, head);
    require(step.complete);
    require(head.method == sent.method && head.target == sent.target && head.host == sent.host);
    require(wire.size() - step.consumed == whole.content.size());
    require(!head.fields.find("Transfer-Encoding"));

    require_one_request(sent, wire, whole.content);
    std::string streamed = sent.method + " " + sent.target + " HTTP/1.1\r\n";
    sent.fields.write_to(streamed);
    streamed += "Transfer-Encoding: chunked\r\n\r\n" + in_chunks(whole.content, piece);
    require_one_request(sent, streamed, whole.content);
    return 0;
}
