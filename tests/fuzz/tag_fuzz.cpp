#include "proxy/store/event_payload.hpp"
#include "proxy/store/identity.hpp"
#include "proxy/store/members.hpp"
#include "proxy/store/tag_value.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace sidecache;
using namespace sidecache::store;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool same(tag_reading const& a, tag_reading const& b) {
    return a.present == b.present && a.marker == b.marker && a.gen == b.gen &&
           a.intent_deadline == b.intent_deadline;
}

}  // namespace

/// Any bytes as what others have left in the store: a tag's value, a member's record, an event,
/// INFO's text. What parses comes back from its format, and both readers of a tag agree.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    auto const value = parse_tag(bytes);
    auto const read = read_tag(bytes);
    require(value.has_value() == read.present);
    if (value) {
        require(same(read, read_tag(*value)));
        auto const text = format_tag(*value);
        auto const back = parse_tag(text);
        require(back.has_value());
        require(format_tag(*back) == text);
        require(back->marks.size() == value->marks.size());
    }
    if (auto const event = parse_fill_done(bytes)) {
        std::string out;
        format_to(out, *event);
        require(out == bytes);
    }
    (void)parse_member(bytes);
    (void)parse_identity(bytes, bytes);
    return 0;
}
