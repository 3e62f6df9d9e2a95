#include "proxy/identity/jwt_source.hpp"
#include "proxy/identity/key_ring.hpp"
#include "proxy/identity/probe.hpp"
#include "proxy/identity/verifier.hpp"
#include "proxy/telemetry/log.hpp"

#include <utility>

namespace sidecache::identity {

std::shared_ptr<verifier> verifiers::of(std::optional<config::identity> const& settings) {
    std::lock_guard const lock(mutex_);
    if (settings == settings_) {
        return present_;
    }
    settings_ = settings;
    present_.reset();
    keys_.reset();
    if (settings && settings->probe) {
        auto const& how = *settings->probe;
        present_ = std::make_shared<verifier>(
            config::credential_fields(*settings), make_probe(how, settings->vars), how.max);
    }
    if (settings && settings->jwt) {
        keys_ = std::make_shared<key_ring>(*settings->jwt);
        present_ = std::make_shared<verifier>(
            config::credential_fields(*settings),
            std::make_unique<jwt_source>(*settings->jwt, settings->vars, keys_),
            max_tokens);
    }
    return present_;
}

void verifiers::look_at_keys(telemetry::process_metrics& counts) {
    std::lock_guard const lock(mutex_);
    if (!keys_) {
        return;
    }
    switch (keys_->look()) {
        case key_ring::change::none:
            break;
        case key_ring::change::taken:
            // The keys first: who is asked about from now on meets them.
            present_->forget();
            ++counts.key_reloads_ok;
            log::info("identity keys have changed",
                      {{"file", keys_->file()},
                       {"keys", static_cast<std::uint64_t>(keys_->keys()->keys.size())}});
            break;
        case key_ring::change::broken:
            ++counts.key_reloads_failed;
            if (auto const& why = keys_->error()) {
                log::error("identity keys cannot be used, the ones before go on",
                           {{"file", keys_->file()}, {"error", why->text}});
            }
            break;
    }
}

}  // namespace sidecache::identity
