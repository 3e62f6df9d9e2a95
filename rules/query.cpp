#include "rules/query.hpp"

#include "rules/escape.hpp"

namespace sidecache::rules {

bool is_named(std::string_view raw, std::string_view name) {
    if (raw == name) {
        return true;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < raw.size(); ++at) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        bool const plus = byte.size == 1 && byte.value == '+';
        if (at >= name.size() || name[at] != (plus ? ' ' : byte.value)) {
            return false;
        }
    }
    return at == name.size();
}

}  // namespace sidecache::rules
