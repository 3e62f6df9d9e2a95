#include "proxy/upstream/exchange.hpp"

namespace sidecache::upstream {

std::string_view name(failure f) {
    switch (f) {
        case failure::none:
            return "none";
        case failure::connect:
            return "connect";
        case failure::timeout:
            return "timeout";
        case failure::broken:
            return "broken";
        case failure::truncated:
            return "truncated";
        case failure::malformed:
            return "malformed";
    }
    return "unknown";
}

}  // namespace sidecache::upstream
