#include "proxy/identity/source.hpp"

namespace sidecache::identity {

verified::verified(std::vector<std::pair<std::string, std::string>> variables)
    : variables_(std::move(variables)) {
    views_.reserve(variables_.size());
    for (auto const& [name, value] : variables_) {
        views_.push_back({name, value});
    }
}

}  // namespace sidecache::identity
