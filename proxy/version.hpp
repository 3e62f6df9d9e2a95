#pragma once

namespace sidecache {

/// What this build is: `--version`, `sidecache_build_info`, `/stats`. `project(VERSION)`, and
/// behind a `+` the revision of the sources where it is known (proxy/CMakeLists.txt):
/// 0.1.0+1f3a9c7e20b4. Of the sources alone, never of a time or a machine, so that the same sources
/// give the same program.
extern char const* const version;

}  // namespace sidecache
