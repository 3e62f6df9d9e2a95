#pragma once

#include "proxy/store/connector.hpp"
#include "proxy/store/conversation.hpp"
#include "proxy/store/credentials.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::store {

/// The Sentinels that watch over the primary (redis+sentinel://): those of the configuration and
/// those that they know, and who is primary by their last word. What a Sentinel says is a hint:
/// who answers there is asked for its role before it is used (server_greeting.hpp).
///
/// During a failover they disagree for up to seconds, while the old primary still takes itself for
/// one: its leader knows first, the others hear of it with their next greeting. So all of them are
/// asked, and the word of the latest configuration (`config-epoch`) counts; an earlier one never
/// counts again. Any thread.
class sentinels {
public:
    /// `way` outlives this.
    sentinels(config::store const& where, connector& way);

    /// Asks all of them at once, and waits a little for those who are slower than the first to
    /// answer. An error says what each of them said.
    task<result<config::endpoint, connect_error>> ask(executor ex);
    /// By the latest word of any of them; nullopt: nobody has said yet.
    std::optional<config::endpoint> primary() const;

    /// Everybody who may be asked.
    std::vector<config::endpoint> known() const;
    std::string const& master_name() const { return master_name_; }
    /// Who we are to a Sentinel.
    result<credentials, connect_error> who() const;

private:
    struct round;
    /// Who is primary since which configuration.
    struct word {
        config::endpoint primary;
        std::uint64_t epoch = 0;
    };
    task<result<word, connect_error>> ask_one(executor ex, config::endpoint at);
    task<void> go(std::shared_ptr<round> on, std::size_t i);
    void take(word const& said);
    void learn(std::vector<config::endpoint> others);

    std::string const master_name_;
    config::store_sentinel const access_;
    connector& way_;
    mutable std::mutex mutex_;
    std::vector<config::endpoint> known_;  // under mutex_
    std::optional<word> latest_;           // under mutex_
};

}  // namespace sidecache::store
