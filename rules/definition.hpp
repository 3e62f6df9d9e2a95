#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Rules and purges as their author wrote them: what `config/` reads from YAML and `rule_set`
/// compiles. Every text carries its place in the file, so that a diagnostic can name it.
namespace sidecache::rules {

/// A place in the configuration file, both counted from 1; 0 means unknown.
struct position {
    unsigned line = 0;
    unsigned column = 0;
    bool operator==(position const&) const = default;
};

template <class T>
struct located {
    T value{};
    position at;
};

/// `page: {from: query.page, default: 1}`, or `orgId: header.X-Org-Id` for short.
struct variable_definition {
    located<std::string> name;
    /// query.NAME, header.NAME, cookie.NAME, identity.NAME, body.PATH, response.PATH,
    /// entry.RULE.PATH, path.NAME (the variable of the path template under another name).
    located<std::string> from;
    std::optional<std::string> fallback;
};

enum class unlisted_query {
    bypass,   ///< a query parameter that the key does not use: forward, do not cache
    include,  ///< it becomes part of the key
    ignore,   ///< it is forwarded on a miss and otherwise not looked at
};

/// Who may share an entry (design.md section 2, `partition`).
struct partition_definition {
    enum class kind {
        credential,  ///< requests with Authorization or Cookie share with the same credential only
        identity,    ///< shared inside the identity named by `variables`
        none,        ///< the author states that the response is the same for everybody
    };
    kind what = kind::credential;
    std::vector<std::string> variables;
    position at;
};

struct lock_definition {
    located<std::string> key;
    std::chrono::milliseconds ttl{30'000};
    std::chrono::milliseconds wait{5'000};
};

/// The key of a rule with `ttl: origin` that has none. GET and HEAD share the GET's entry, so the
/// method is always that.
inline constexpr std::string_view default_key = "http:GET:{host}:{uri}";

struct rule_definition {
    located<std::string> name;
    /// "GET /products/{id}"
    located<std::string> match;
    /// Empty only together with `origin`.
    located<std::string> key;
    std::vector<variable_definition> vars;
    /// Freshness of a 200 response; zero when `origin` decides.
    std::chrono::milliseconds ttl{0};
    /// `ttl: origin`: freshness from the response's own headers.
    bool origin = false;
    /// Whether Cache-Control of a request narrows what it is answered with (RFC 9111 section
    /// 5.2.1); nullopt: under `ttl: origin` only, so that no client turns another rule's cache off.
    std::optional<bool> obeys_requests;
    /// What the backend sends without an ETag gets one, made from its content.
    bool own_etag = true;
    /// Whether Accept-Language selects by what it means: in whatever order, and the language that a
    /// response is in by its being preferred to all others (RFC 9110 section 12.5.4). Backends may
    /// break ties by order, so that this is for the author to say.
    bool languages_by_preference = false;
    position ttl_at;
    /// Further cacheable statuses and their freshness (`statuses: {404: 30s}`).
    std::map<unsigned, std::chrono::milliseconds> statuses;
    std::optional<lock_definition> lock;
    unlisted_query unlisted = unlisted_query::bypass;
    partition_definition partition;
    std::uint64_t max_object = 1ULL << 20;
    /// Each stored life is shortened by a random part of at most this share (0.1: up to 10 %).
    double jitter = 0;
    /// A hit with less life left has its entry fetched anew in the background; 0: never.
    std::chrono::milliseconds refresh_ahead{0};
    /// Of a rule with a duration: how long past its life an entry is served while it is fetched
    /// anew, and while the backend fails or cannot be reached (RFC 5861). 0: never. Past a purge,
    /// never. Under `ttl: origin` each response says it.
    std::chrono::milliseconds stale_while_revalidate{0};
    std::chrono::milliseconds stale_if_error{0};
    /// Concurrent fetches of this rule in one process; 0: no limit of its own.
    std::size_t max_upstream = 0;
    /// Entries of this rule in the store at once; what comes beyond is served and not stored. 0: no
    /// bound. The default is a fuse: no ordinary rule meets it, and what clients can make up
    /// without end (a search, a cookie under `partition: credential`) does not fill the store.
    std::uint64_t max_keys = 1'000'000;
    bool store_set_cookie = false;
    /// `ttl: origin`: errors that say how long they are fresh, whatever their status.
    bool store_errors = false;
    bool ttl_only = false;
};

struct purge_definition {
    located<std::string> name;
    /// "POST /products", one or several.
    std::vector<located<std::string>> on;
    std::vector<variable_definition> vars;
    std::vector<located<std::string>> patterns;
    /// Markers stay that long after the answer (late commits, read replicas).
    std::chrono::milliseconds settle{0};
    /// Statuses that say that nothing was changed; nullopt: protocol.md section 3.6's list.
    std::optional<std::vector<unsigned>> unchanged_statuses;
};

/// What of a request reaches the backend (`upstream.host`, `strip_headers`, `trusted_headers`):
/// whatever may change an answer has to be in the key, in the full key, or out of the request.
struct surroundings {
    /// The backend is always asked for the same host: `full_key` need not hold the client's.
    bool fixed_host = false;
    /// Fields that are removed on the way to the backend.
    std::vector<std::string> stripped;
    /// Fields that whoever is in front of sidecache sets, whatever a client has sent.
    std::vector<std::string> trusted;
};

struct definition {
    /// Fields other than Authorization and Cookie by which callers are verified.
    std::vector<std::string> credential_fields;
    std::vector<rule_definition> rules;
    std::vector<purge_definition> purges;
    surroundings around{};
};

enum class severity { error, warning };

/// One finding of `rule_set::compile`: what is wrong, and what to do about it.
struct diagnostic {
    severity level = severity::error;
    position at;
    std::string text;
    std::string hint;
};

}  // namespace sidecache::rules
