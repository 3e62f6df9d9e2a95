#pragma once

#include "config/model.hpp"
#include "proxy/async/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sidecache::store {

/// What `check --connect` finds out about a store.
struct inspected {
    enum class kind : std::uint8_t { note, warning, error };
    kind what = kind::note;
    std::string text;
};

/// Connects as a running sidecache would and tries out what it would do: the way there (Sentinels,
/// names, TLS), who answers and what it is, every right, the rules' keys, the settings that weaken
/// the promise. Changes nothing that lasts longer than a second; other replicas notice nothing.
/// Stops at the first thing without which nothing else can be found out.
task<std::vector<inspected>> inspect(executor ex, config::model const& config);

}  // namespace sidecache::store
