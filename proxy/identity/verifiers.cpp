#include "proxy/identity/probe.hpp"
#include "proxy/identity/verifier.hpp"

#include <utility>

namespace sidecache::identity {

std::shared_ptr<verifier> verifiers::of(std::optional<config::identity> const& settings) {
    std::lock_guard const lock(mutex_);
    if (settings == settings_) {
        return present_;
    }
    settings_ = settings;
    present_.reset();
    if (settings && settings->probe) {
        auto const& how = *settings->probe;
        present_ = std::make_shared<verifier>(
            config::credential_fields(*settings), make_probe(how, settings->vars), how.max);
    }
    return present_;
}

}  // namespace sidecache::identity
