#include "proxy/command/command_line.hpp"

namespace sidecache::command {

int main(int, char**) { return 2; }

}  // namespace sidecache::command
