#include "config/units.hpp"
#include "config/url.hpp"
#include "config/url_parts.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace sidecache::config {
namespace {

namespace urls = boost::urls;

parsed<unsigned> parse_database(std::string_view digits, std::string_view shown) {
    auto const number = parse_count(digits);
    auto const* value = std::get_if<std::uint64_t>(&number);
    if (value == nullptr || *value > 65'535) {
        return problem{quoted(shown) + " names no database",
                       "a database is a number: redis://HOST:6379/0"};
    }
    return static_cast<unsigned>(*value);
}

parsed<store_url> parse_redis(urls::url_view const& url, std::string const& shown) {
    store_url out;
    auto address = endpoint_of(url, shown, 6379);
    if (auto* bad = std::get_if<problem>(&address)) {
        return std::move(*bad);
    }
    out.address = std::move(std::get<endpoint>(address));
    auto const path = url.path();
    if (path.size() > 1) {
        auto const database = parse_database(std::string_view(path).substr(1), shown);
        if (auto const* bad = std::get_if<problem>(&database)) {
            return *bad;
        }
        out.database = std::get<unsigned>(database);
    }
    if (url.has_query()) {
        return problem{quoted(shown) + " has a query", "redis:// and rediss:// URLs take none"};
    }
    return out;
}

parsed<store_url> parse_unix(urls::url_view const& url, std::string const& shown) {
    store_url out;
    out.what = store::kind::redis_unix;
    out.path = url.path();
    if (!url.encoded_host().empty() || out.path.size() < 2) {
        return problem{quoted(shown) + " is not the path of a socket",
                       "write three slashes: unix:///run/redis/redis.sock"};
    }
    // sun_path of sockaddr_un holds 107 characters and a zero.
    if (out.path.size() > 107 || out.path.find('\0') != std::string::npos) {
        return problem{quoted(shown) + " is too long for a unix socket", "at most 107 characters"};
    }
    for (auto const& parameter : url.params()) {
        if (parameter.key != "db") {
            return problem{quoted(shown) + " has an unknown parameter",
                           "unix:// URLs take ?db=DATABASE alone"};
        }
        auto const database = parse_database(parameter.value, shown);
        if (auto const* bad = std::get_if<problem>(&database)) {
            return *bad;
        }
        out.database = std::get<unsigned>(database);
    }
    return out;
}

/// Sentinel takes no other names.
bool is_master_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_';
    });
}

/// What several hosts with the same credentials have in common: redis+sentinel://,
/// redis+cluster://.
struct host_list {
    std::vector<endpoint> hosts;
    std::string user, password;
    std::string path;   // decoded, from the slash on
    std::string shown;  // "SCHEME://HOST:PORT,HOST:PORT"
};

/// Hosts are more than one, which no URL parser takes: each is parsed as if it were alone. nullopt:
/// not such a URL; a problem: one of them has no proper port.
parsed<std::optional<host_list>> parse_hosts(std::string_view text,
                                             std::string_view scheme,
                                             std::string const& shown,
                                             std::uint16_t port) {
    auto const rest = text.substr(scheme.size() + 3);
    auto const slash = std::min(rest.find('/'), rest.size());
    auto hosts = rest.substr(0, slash);
    auto const at = hosts.rfind('@');
    auto const user = at == std::string_view::npos ? std::string_view() : hosts.substr(0, at + 1);
    hosts.remove_prefix(user.size());
    host_list out;
    out.shown = std::string(scheme) + "://";
    while (true) {
        auto const comma = std::min(hosts.find(','), hosts.size());
        auto const alone = "redis://" + std::string(hosts.substr(0, comma));
        auto const url = urls::parse_uri(alone);
        if (!url || url->has_userinfo()) {
            return std::optional<host_list>();
        }
        auto address = endpoint_of(*url, shown, port);
        if (auto* bad = std::get_if<problem>(&address)) {
            return std::move(*bad);
        }
        out.hosts.push_back(std::get<endpoint>(address));
        out.shown += (out.hosts.size() == 1 ? "" : ",") + out.hosts.back().text();
        if (comma == hosts.size()) {
            break;
        }
        hosts.remove_prefix(comma + 1);
    }
    auto const whole = "redis://" + std::string(user) + "h" + std::string(rest.substr(slash));
    auto const url = urls::parse_uri(whole);
    if (!url || url->has_query() || url->has_fragment()) {
        return std::optional<host_list>();
    }
    out.path = url->path();
    out.user = url->user();
    out.password = url->password();
    return std::optional(std::move(out));
}

parsed<store_url> parse_sentinels(std::string_view text,
                                  std::string_view scheme,
                                  std::string const& shown) {
    problem general{quoted(shown) + " does not name Sentinels and a master",
                    "write redis+sentinel://HOST:26379,HOST:26379/MASTER-NAME/0"};
    auto parsed_hosts = parse_hosts(text, scheme, shown, 26379);
    if (auto* bad = std::get_if<problem>(&parsed_hosts)) {
        return std::move(*bad);
    }
    auto& list = std::get<std::optional<host_list>>(parsed_hosts);
    if (!list) {
        return general;
    }
    store_url out;
    auto const& path = list->path;
    auto const end_of_name = std::min(path.find('/', 1), path.size());
    out.master_name = path.empty() ? "" : path.substr(1, end_of_name - 1);
    if (!is_master_name(out.master_name)) {
        return general;
    }
    if (end_of_name + 1 < path.size()) {
        auto const database = parse_database(std::string_view(path).substr(end_of_name + 1), shown);
        if (auto const* bad = std::get_if<problem>(&database)) {
            return *bad;
        }
        out.database = std::get<unsigned>(database);
    }
    out.sentinels = std::move(list->hosts);
    out.user = std::move(list->user);
    out.password = std::move(list->password);
    out.description = list->shown + "/" + out.master_name + "/" + std::to_string(out.database);
    return out;
}

parsed<store_url> parse_cluster(std::string_view text,
                                std::string_view scheme,
                                std::string const& shown) {
    problem general{quoted(shown) + " does not name nodes of a Cluster",
                    "write redis+cluster://HOST:6379,HOST:6379: a few of them are enough"};
    auto parsed_hosts = parse_hosts(text, scheme, shown, 6379);
    if (auto* bad = std::get_if<problem>(&parsed_hosts)) {
        return std::move(*bad);
    }
    auto& list = std::get<std::optional<host_list>>(parsed_hosts);
    if (!list) {
        return general;
    }
    if (!list->path.empty() && list->path != "/" && list->path != "/0") {
        return problem{quoted(shown) + " names a database", "a Cluster has none but 0"};
    }
    store_url out;
    out.cluster_seeds = std::move(list->hosts);
    out.address = out.cluster_seeds.front();
    out.user = std::move(list->user);
    out.password = std::move(list->password);
    out.description = std::move(list->shown);
    return out;
}

}  // namespace

parsed<store_url> parse_store_url(std::string_view text) {
    auto const shown = without_credentials(text);
    auto const scheme = text.substr(0, text.find("://"));
    if (text == "memory://") {
        store_url out;
        out.what = store::kind::memory;
        out.description = text;
        return out;
    }
    if (scheme == "redis+sentinel" || scheme == "rediss+sentinel") {
        auto out = parse_sentinels(text, scheme, shown);
        if (auto* store = std::get_if<store_url>(&out)) {
            store->is_tls = scheme == "rediss+sentinel";
        }
        return out;
    }
    if (scheme == "redis+cluster" || scheme == "rediss+cluster") {
        auto out = parse_cluster(text, scheme, shown);
        if (auto* store = std::get_if<store_url>(&out)) {
            store->is_tls = scheme == "rediss+cluster";
        }
        return out;
    }
    auto const url = urls::parse_uri(text);
    if (!url || !url->has_authority() || url->has_fragment() ||
        (scheme != "redis" && scheme != "rediss" && scheme != "unix")) {
        return problem{quoted(shown) + " is not the URL of a store",
                       "write redis://HOST:6379/0, rediss://HOST:6379/0 for TLS, unix:///PATH or "
                       "memory://; a special character in a password is percent-encoded"};
    }
    auto out = scheme == "unix" ? parse_unix(*url, shown) : parse_redis(*url, shown);
    if (auto* store = std::get_if<store_url>(&out)) {
        store->user = url->user();
        store->password = url->password();
        store->is_tls = scheme == "rediss";
        store->description = shown;
        if (scheme == "unix" && url->has_query()) {
            store->description += "?db=" + std::to_string(store->database);
        }
    }
    return out;
}

}  // namespace sidecache::config
