#include "proxy/command/drain.hpp"

#include "proxy/command/print.hpp"

#include <string>

namespace sidecache::command {

int drain(admin_address const& where) {
    auto const reply = ask_admin(where, "/drain", "{}");
    if (auto const* why = std::get_if<std::string>(&reply)) {
        to_stderr("sidecache drain: " + *why + "\n");
        return 1;
    }
    auto const& answer = std::get<admin_reply>(reply);
    if (answer.status != 202) {
        to_stderr("sidecache drain: " + refusal_of(answer) + "\n");
        return 1;
    }
    to_stdout("not ready any more; each answer ends its connection. SIGTERM stops it\n");
    return 0;
}

}  // namespace sidecache::command
