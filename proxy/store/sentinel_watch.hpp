#pragma once

#include "proxy/store/sentinels.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace sidecache::store {

/// Listens to every Sentinel for what makes another primary, and asks all of them now and then
/// besides. To all: who leads a failover knows of it up to seconds before the others, and so does
/// whoever else has asked it; meanwhile the old primary goes on as if nothing had happened. One
/// worker only.
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
    /// A Sentinel that is listened to.
    struct ear {
        explicit ear(executor const& ex, config::endpoint where)
            : at(std::move(where)), on(ex), rest(ex) {}
        config::endpoint const at;
        stream on;
        steady_timer rest;
        bool listens = false;
    };
    task<void> listen(std::shared_ptr<sentinel_watch> self, std::shared_ptr<ear> with);
    task<void> listen_to(ear& with);
    task<void> look(std::shared_ptr<sentinel_watch> self);
    task<void> ask();
    void listen_to_all();

    executor ex_;
    std::shared_ptr<void> keep_;
    sentinels& directory_;
    connector& way_;
    std::function<void()> moved_;
    std::map<std::string, std::shared_ptr<ear>> ears_;  // by address
    steady_timer look_rest_;
    bool stopped_ = false;
};

}  // namespace sidecache::store
