#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace sidecache::command {

struct admin_address {
    std::string url = "http://127.0.0.1:9090";
    std::string token;  // sent as "Authorization: Bearer TOKEN" when not empty
};

struct admin_reply {
    unsigned status = 0;
    std::string body;
};

/// One request to the admin port of a running sidecache. Blocks, ten seconds at most. A body makes
/// it a POST of JSON, none a GET. A text says why there is no reply, and what to do.
std::variant<admin_reply, std::string> ask_admin(admin_address const& where,
                                                 std::string_view path,
                                                 std::string_view json_body);

/// The `error` of a reply that refuses, or its status when it gives none.
std::string refusal_of(admin_reply const& reply);

}  // namespace sidecache::command
