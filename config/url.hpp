#pragma once

#include "config/model.hpp"
#include "config/problem.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Addresses and URLs of the configuration.
namespace sidecache::config {

/// `0.0.0.0:8080`, `[::1]:9090`, `localhost:8080`: an address to listen on. Port 0 lets the system
/// choose one.
parsed<endpoint> parse_listen(std::string_view text);

struct upstream_url {
    endpoint address;
    std::string host_header;
};

/// `http://HOST[:PORT]`, port 80 by default: no path, no credentials, no TLS.
parsed<upstream_url> parse_upstream_url(std::string_view text);

/// `preserve` (empty: the client's Host goes on), or the HOST[:PORT] that the backend is always
/// asked for.
parsed<std::string> parse_upstream_host(std::string_view text);

struct store_url {
    store::kind what = store::kind::redis_tcp;
    endpoint address;
    std::vector<endpoint> sentinels;
    std::string master_name;
    std::vector<endpoint> cluster_seeds;
    std::string path;
    std::string user;
    std::string password;
    bool is_tls = false;
    unsigned database = 0;
    std::string description;  // without credentials
};

/// `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, the same with `rediss://` (TLS),
/// `redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT].../MASTER-NAME[/DATABASE]` and
/// `rediss+sentinel://` (credentials are the primary's),
/// `redis+cluster://[USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT]...` and `rediss+cluster://`,
/// `unix://[USER[:PASSWORD]@]/PATH[?db=DATABASE]`, `memory://`. Percent-encoding is decoded.
/// `redis://:PASSWORD@...` is a password without a user. No message shows a password.
parsed<store_url> parse_store_url(std::string_view text);

}  // namespace sidecache::config
