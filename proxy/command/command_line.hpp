#pragma once

namespace sidecache::command {

/// The whole command line (design.md section 3). Returns the exit code: 0 done, 1 failed (a
/// configuration with errors, an admin port that does not answer), 2 wrong usage.
int main(int argc, char** argv);

}  // namespace sidecache::command
