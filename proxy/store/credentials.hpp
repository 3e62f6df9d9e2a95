#pragma once

#include "proxy/store/connect_error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sidecache::store {

/// Who we are to a Redis server; both may be empty.
struct credentials {
    std::string user;
    std::string password;
};

/// `password`, or what stands in `password_file` where one is named, without the line's end: read
/// for each connection, so that a password that was changed there counts. An error names the file.
result<credentials, connect_error> read_credentials(std::string user,
                                                    std::string password,
                                                    std::string const& password_file);

/// Appends the commands that open a session on a new connection: AUTH where there is a password,
/// the connection's name. Returns how many.
std::size_t append_greeting(std::string& out, credentials const& who, std::string_view name);

}  // namespace sidecache::store
