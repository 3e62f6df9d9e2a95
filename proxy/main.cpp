#include "proxy/command/command_line.hpp"

int main(int argc, char** argv) {
    return sidecache::command::main(argc, argv);
}
