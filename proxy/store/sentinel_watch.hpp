#pragma once

#include "proxy/store/sentinels.hpp"

#include <functional>
#include <memory>

namespace sidecache::store {

/// Listens to one Sentinel at a time for `+switch-master`, and asks one now and then besides: one
/// that has stopped says nothing. One worker only.
class sentinel_watch : public std::enable_shared_from_this<sentinel_watch> {
public:
    static constexpr std::chrono::seconds interval{5};

    /// `directory` and `way` outlive this (`keep` holds them). `moved` is called when a
    /// Sentinel has said who is primary; usually that is who was.
    sentinel_watch(executor const& ex,
                   std::shared_ptr<void> keep,
                   sentinels& directory,
                   connector& way,
                   std::function<void()> moved);
    void start();
    void stop();

private:
    task<void> listen(std::shared_ptr<sentinel_watch> self);
    task<void> listen_to(config::endpoint at);
    task<void> look(std::shared_ptr<sentinel_watch> self);
    void take(std::string const& message);

    executor ex_;
    std::shared_ptr<void> keep_;
    sentinels& directory_;
    connector& way_;
    std::function<void()> moved_;
    stream on_;
    steady_timer rest_;
    steady_timer look_rest_;
    bool listens_ = false;  // to whom `on_` leads
    bool stopped_ = false;
};

}  // namespace sidecache::store
