// Answers from bytes, split where the input says. The pieces in which they arrive make no
// difference, content never comes from bytes that are not there, and a head means what Beast's
// parser takes it for.
#include "proxy/http/content_reader.hpp"
#include "proxy/http/hop_by_hop.hpp"
#include "proxy/http/response_parser.hpp"
#include "tests/support/beast_response.hpp"

#include <array>
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
    bool malformed = false;
    bool complete = false;
    response_head head;
    std::string content;
};

message read_all(std::string_view bytes, std::size_t piece) {
    message m;
    response_parser parser(4'096);
    content_reader content;
    bool in_content = false;
    std::string held;
    std::array<char, 7> out;
    for (std::size_t at = 0; at < bytes.size() && !m.complete && !m.malformed;) {
        auto const some = bytes.substr(at, piece);
        at += some.size();
        held += some;
        if (!in_content) {
            auto const step = parser.parse(held, m.head);
            require(step.consumed <= held.size());
            held.erase(0, step.consumed);
            m.malformed = step.malformed;
            if (!step.complete) {
                continue;
            }
            in_content = true;
            content.begin(m.head.body, m.head.content_length);
        }
        for (;;) {
            auto const step = content.put(held, out);
            require(step.consumed <= held.size() && step.produced <= out.size());
            held.erase(0, step.consumed);
            m.content.append(out.data(), step.produced);
            m.malformed = step.bad != content_reader::trouble::none;
            if (m.malformed || (step.consumed == 0 && step.produced == 0)) {
                break;
            }
        }
        m.complete = content.complete() && !m.malformed;
    }
    if (in_content && !m.malformed) {
        m.complete = content.end_of_stream();
    }
    return m;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    std::size_t const piece = 1 + data[0] % 32;
    std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
    sidecache::tests::compare_with_beast(bytes, 4'096, piece);
    auto whole = read_all(bytes, bytes.size());
    auto const split = read_all(bytes, piece);
    require(whole.complete == split.complete);
    require(whole.content.size() <= bytes.size());
    if (whole.complete) {
        require(whole.content == split.content && whole.head.status == split.head.status);
        end_to_end_response(whole.head);
        require(!whole.head.fields.find("Connection"));
    }
    return 0;
}
