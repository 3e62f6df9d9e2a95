#pragma once

#include <string_view>

namespace sidecache::command {

/// config/schema.json as it was when this was built, for `sidecache schema`.
std::string_view schema_json();

}  // namespace sidecache::command
