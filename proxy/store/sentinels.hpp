#pragma once

#include "proxy/store/connector.hpp"
#include "proxy/store/conversation.hpp"
#include "proxy/store/credentials.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::store {

/// The Sentinels that watch over the primary (redis+sentinel://): those of the configuration and
/// those that they know, and who is primary by their last word. What a Sentinel says is a hint:
/// who answers there is asked for its role before it is used (redis_handshake.hpp). Any thread.
class sentinels {
public:
    /// `way` outlives this.
    sentinels(config::store const& where, connector& way);

    /// Asks one after the other, who answered last first, until one names a primary. An error says
    /// what each of them said.
    task<result<config::endpoint, connect_error>> ask(executor ex);
    /// By the last word of any of them; nullopt: nobody has said yet.
    std::optional<config::endpoint> primary() const;
    /// Told by a Sentinel without being asked.
    void note_primary(config::endpoint at);

    /// Everybody who may be asked, who answered last first.
    std::vector<config::endpoint> known() const;
    std::string const& master_name() const { return master_name_; }
    /// Who we are to a Sentinel.
    result<credentials, connect_error> who() const;

private:
    task<result<config::endpoint, connect_error>> ask_one(executor ex, config::endpoint at);
    void answered(config::endpoint const& by, std::vector<config::endpoint> others);

    std::string const master_name_;
    config::store_sentinel const access_;
    connector& way_;
    mutable std::mutex mutex_;
    std::vector<config::endpoint> known_;      // under mutex_
    std::optional<config::endpoint> primary_;  // under mutex_
};

}  // namespace sidecache::store
