#include "config/units.hpp"
#include "config/url.hpp"
#include "config/url_parts.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <cstdint>
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

}  // namespace

parsed<store_url> parse_store_url(std::string_view text) {
    auto const shown = without_credentials(text);
    auto const scheme = text.substr(0, text.find("://"));
    for (std::string_view const later :
         {"redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"}) {
        if (scheme == later) {
            return problem{quoted(std::string(later) + "://") +
                               " is part of the design, not available in this version",
                           "use redis://, rediss://, unix:// or memory://"};
        }
    }
    if (text == "memory://") {
        store_url out;
        out.what = store::kind::memory;
        out.description = text;
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
