#pragma once

#include "proxy/command/admin_client.hpp"

namespace sidecache::command {

/// `sidecache drain`: tells a running sidecache that it is about to be stopped, as a preStop hook
/// in an image without a shell. It becomes not ready and ends each connection with its next answer;
/// SIGTERM then stops it. Returns 0 when it was told so, 1 when it refused or nobody answered.
int drain(admin_address const& where);

}  // namespace sidecache::command
