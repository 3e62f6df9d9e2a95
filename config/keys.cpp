#include "config/keys.hpp"

#include <array>

namespace sidecache::config {
namespace {

constexpr auto table = std::to_array<known_key>({
    {"listen",
     "address",
     "0.0.0.0:8080",
     "Where clients are served. Port 0 lets the system choose."},
    {"workers", "count", "0", "Threads that serve; 0 is one a core."},
    {"reload",
     "reload",
     "signal",
     "When this file is read again: at SIGHUP (`signal`), or also when it has changed (`watch`: "
     "looked at once a second, taken when two looks agree)."},

    {"admin",
     "section",
     "",
     "Metrics, health, purges and the status page, on a port of their own."},
    {"admin.listen",
     "address",
     "127.0.0.1:9090",
     "Where /metrics, /healthz, /readyz, /purge, /explain, /stats and the status page are served."},
    {"admin.token", "text", "", "When set, POSTs need `Authorization: Bearer TOKEN`."},

    {"upstream", "section", "", "The backend behind this proxy."},
    {"upstream.url", "upstream_url", "http://127.0.0.1:3000", "The backend: http://HOST:PORT."},
    {"upstream.host",
     "upstream_host",
     "preserve",
     "Host of every request to the backend: the client's own (`preserve`), or this HOST[:PORT]. "
     "With `preserve` two hosts never share an entry."},
    {"upstream.strip_headers",
     "field_names",
     "",
     "Header fields of clients that the backend does not get."},
    {"upstream.trusted_headers",
     "field_names",
     "",
     "Header fields such as X-Forwarded-Host that whoever is in front of sidecache sets: requests "
     "with them are cached, apart for each value, instead of forwarded past the cache."},
    {"upstream.connect_timeout",
     "duration",
     "1s",
     "How long a connection to the backend may take."},
    {"upstream.timeout",
     "duration",
     "30s",
     "How long the backend may take to answer; also how long a mutation's markers live, with "
     "store.margin on top."},
    {"upstream.max_idle", "count", "64", "Idle connections to the backend kept by each worker."},
    {"upstream.idle_timeout",
     "duration",
     "15s",
     "After this an idle connection to the backend is closed. Keep it below the backend's own."},
    {"upstream.max_concurrent",
     "count",
     "512",
     "Fills at the backend at once, in this process; further ones queue."},
    {"upstream.max_queue", "count", "1024", "Fills that may queue; further ones get 503."},
    {"upstream.max_background",
     "count",
     "32",
     "Fills without a client at once, in this process (`refresh_ahead`), half of them for one "
     "rule; "
     "further ones are dropped. They never queue. 0: none."},

    {"store", "section", "", "The shared store, and what happens without it."},
    {"store.url",
     "store_url",
     "redis://127.0.0.1:6379/0",
     "redis://[USER:PASSWORD@]HOST:PORT/DATABASE, rediss:// for TLS, "
     "redis+sentinel://HOST,HOST/MASTER-NAME/DATABASE (rediss+sentinel://), "
     "redis+cluster://HOST,HOST (rediss+cluster://), "
     "unix:///PATH?db=DATABASE, "
     "or memory:// for one replica without Redis."},
    {"store.password_file",
     "text",
     "",
     "A file that holds the password, instead of one in the URL. Read for each new connection."},
    {"store.sentinel", "section", "", "Who we are to the Sentinels of redis+sentinel://."},
    {"store.sentinel.user", "text", "", "Their user; the default is none."},
    {"store.sentinel.password", "text", "", "Their password; the URL's is the primary's."},
    {"store.sentinel.password_file", "text", "", "Instead: a file that holds it."},
    {"store.tls", "section", "", "How a rediss:// server is verified, and who we are to it."},
    {"store.tls.ca_file",
     "text",
     "",
     "Certificates (PEM) of the CAs that may vouch for the server; the default are the system's."},
    {"store.tls.cert_file",
     "text",
     "",
     "Our own certificate (PEM), where the server asks for one. Read again when it changes."},
    {"store.tls.key_file", "text", "", "Its key."},
    {"store.tls.server_name",
     "text",
     "",
     "The name or address that the server's certificate has to hold, where that is not the URL's "
     "host."},
    {"store.tls.verify",
     "boolean",
     "true",
     "Whether the server's certificate is verified. Without it TLS hides from nobody who is "
     "between."},
    {"store.timeout",
     "duration",
     "50ms",
     "How long one command may take before the request goes on without the store."},
    {"store.retry", "section", "", "Repeats of commands that failed."},
    {"store.retry.attempts", "count", "2", "How often a failed command is repeated."},
    {"store.retry.backoff", "duration", "5ms", "Pause before a repeat."},
    {"store.breaker",
     "section",
     "",
     "Spares a store that is down, and the requests that would wait for it."},
    {"store.breaker.failures", "count", "5", "Failures in a row that open the breaker."},
    {"store.breaker.open_for",
     "duration",
     "2s",
     "How long it stays open before one command tries again."},
    {"store.on_down",
     "on_down",
     "forward",
     "A mutation while the store is unreachable: `forward` it and invalidate later, or `refuse` it "
     "with 503."},
    {"store.on_down_hold",
     "duration",
     "1s",
     "How long the answer of a forwarded mutation waits for the store to come back."},
    {"store.margin", "duration", "5s", "A mutation's markers live for upstream.timeout and this."},
    {"store.quarantine",
     "quarantine",
     "auto",
     "After a failover nothing is stored until old markers are over; `auto` is upstream.timeout "
     "and store.margin, 0s turns it off and accepts stale reads at a failover."},
    {"store.memory_size", "size", "256MiB", "Bound of the memory:// store."},

    {"near_cache", "section", "", "The copy of hot entries inside the process."},
    {"near_cache.size",
     "size",
     "64MiB",
     "Its bound, shared out among the workers; 0 turns it off."},
    {"near_cache.lease",
     "duration",
     "500ms",
     "How long a replica may serve without having heard from the store, and how long a mutation "
     "waits for a silent one."},

    {"limits", "section", "", "What a client may send, and how long it may take."},
    {"limits.max_connections",
     "count",
     "20000",
     "Open client connections; further ones wait in the listen queue. Never more than three "
     "quarters of the files that the system lets us open."},
    {"limits.max_header", "size", "32KiB", "Header section of a request; more gets 431."},
    {"limits.max_target", "size", "8KiB", "Request target; more gets 414."},
    {"limits.max_body",
     "size",
     "0",
     "Body of a request; more gets 413. 0: no limit, since bodies are streamed."},
    {"limits.max_mutation_body",
     "size",
     "1MiB",
     "Body of a mutation that is looked into for variables; of a larger one they widen to `*`."},
    {"limits.max_mutation_response",
     "size",
     "1MiB",
     "Answer to a mutation that is held back until its purge is done; a larger one is streamed, "
     "and purged for before and after."},
    {"limits.header_timeout", "duration", "10s", "For a request's header section; then 408."},
    {"limits.body_timeout", "duration", "30s", "Between two pieces of a request's body; then 408."},
    {"limits.write_timeout",
     "duration",
     "30s",
     "For a client to take a piece of its answer; then the connection is closed."},
    {"limits.idle_timeout", "duration", "75s", "Between two requests on one connection."},
    {"limits.drain_delay",
     "duration",
     "0s",
     "After SIGTERM, before nobody is accepted any more: not ready, each answer ends its "
     "connection. For load balancers that learn late."},
    {"limits.drain_timeout",
     "duration",
     "30s",
     "After SIGTERM and drain_delay, for what is in flight."},

    {"log", "section", "", "JSON lines on stdout."},
    {"log.level", "log_level", "info", "debug, info, warning, error or off."},
    {"log.access", "section", "", "One line a request."},
    {"log.access.enabled", "boolean", "true", "Whether requests are logged."},
    {"log.access.hits", "boolean", "false", "Whether hits are logged as well."},

    {"identity",
     "section",
     "",
     "Who is asking, verified: by asking the backend (`probe`) or by a token (`jwt`)."},
    {"identity.probe",
     "section",
     "",
     "Asks the backend with the caller's credentials; one sub-request for each credential and "
     "ttl."},
    {"identity.probe.path", "path", "", "What is asked: /me. It answers 2xx with JSON."},
    {"identity.probe.forward",
     "names",
     "[Authorization, Cookie]",
     "The fields that hold credentials. They alone are sent."},
    {"identity.probe.ignore",
     "credentials",
     "",
     "[Cookie], where it is not forwarded and the backend never goes by a cookie that comes beside "
     "what is. Otherwise such a request is not verified."},
    {"identity.probe.ttl",
     "duration",
     "30s",
     "How long an identity is believed, and how long one that changes or is revoked may go "
     "unnoticed."},
    {"identity.probe.negative_ttl",
     "duration",
     "2s",
     "How long a credential that was not verified is not asked about again."},
    {"identity.probe.timeout", "duration", "2s", "How long the backend may take for it."},
    {"identity.probe.max", "count", "10000", "Credentials remembered, in this process."},
    {"identity.probe.fixed",
     "boolean",
     "false",
     "States that a credential never comes to mean another identity (nobody switches organizations "
     "within a session): spares asking again for each fetched entry and each write."},
    {"identity.jwt", "section", "", "Verifies a signed token (RFC 7519)."},
    {"identity.jwt.jwks_file",
     "text",
     "",
     "The issuer's public keys (RFC 7517). Read again when it changes."},
    {"identity.jwt.secret_file",
     "text",
     "",
     "Instead: the secret that HS256, HS384 or HS512 signs with, and nothing else. Read again when "
     "it changes."},
    {"identity.jwt.algorithms",
     "algorithms",
     "",
     "Those allowed; the default is what the kind of each key allows. HS, RS and PS with 256, 384 "
     "or 512, ES256, ES384, EdDSA (Ed25519)."},
    {"identity.jwt.issuer", "text", "", "What `iss` has to be."},
    {"identity.jwt.audience", "texts", "", "What `aud` has to hold; of several, one."},
    {"identity.jwt.leeway", "duration", "30s", "Clock skew allowed for `exp` and `nbf`."},
    {"identity.jwt.header", "text", "Authorization", "The field that holds `Bearer TOKEN`."},
    {"identity.jwt.ignore",
     "credentials",
     "",
     "[Cookie], where the backend never goes by a cookie that comes beside a token. Otherwise such "
     "a request is not verified: it could be the cookie's user who is served."},
    {"identity.vars",
     "identity_vars",
     "",
     "Its variables, for keys, purges and `partition`: {orgId: response.organizationId}, with jwt "
     "{orgId: claims.org}."},

    {"warm",
     "section",
     "",
     "Fetches what is named here before anybody asks for it, by the same rules as for clients."},
    {"warm.paths", "targets", "", "What to fetch: [/products, /products/1]."},
    {"warm.file",
     "text",
     "",
     "More of them: one URI a line; lines with # are comments. Read with the configuration."},
    {"warm.hosts",
     "names",
     "",
     "Host of the requests, as clients name it; each path is fetched for each. Needed unless "
     "upstream.host is fixed, since entries of different hosts are kept apart."},
    {"warm.rate", "count", "50", "Requests a second."},
    {"warm.concurrency", "count", "4", "Requests at once."},
    {"warm.headers",
     "secret_fields",
     "",
     "Of each request: {Authorization: \"Bearer ...\"}, where rules share by who asks."},
    {"warm.at_start",
     "boolean",
     "true",
     "Whether a start fetches it all; otherwise only `sidecache warm` and POST /warm do. Readiness "
     "does not wait for it."},

    {"events",
     "section",
     "",
     "Invalidates by messages of a Redis Stream on the store's server, for writes that do not pass "
     "through. Redis from 6.2 on."},
    {"events.stream", "text", "", "The stream's key."},
    {"events.group",
     "text",
     "sidecache",
     "The consumer group: each message goes to one of the replicas that name the same."},
    {"events.batch", "count", "64", "Messages that are invalidated by at once, by one bump."},
    {"events.claim_after",
     "duration",
     "30s",
     "Messages that a replica was given and has not done with after this go to another one."},
    {"events.max_message", "size", "64KiB", "A larger message is passed over."},

    {"rules",
     "rules",
     "",
     "What is cached, under which key and for how long. The first rule that matches a request "
     "wins."},
    {"rules[].name", "name", "", "Names the rule in metrics, logs and tags."},
    {"rules[].match",
     "route",
     "",
     "Method and path: `GET /products/{id}`. `{id}` is one segment, a last `{rest*}` is all that "
     "follow."},
    {"rules[].vars", "variables", "", "Variables of the key that the path does not hold."},
    {"rules[].vars{}.from",
     "source",
     "",
     "identity.NAME, query.NAME, header.NAME, cookie.NAME or path.NAME."},
    {"rules[].vars{}.default",
     "scalar",
     "",
     "The value when the source has none. Without it such a request is not cached."},
    {"rules[].key",
     "key",
     "",
     "The key in Redis: `product:{id}:details`. With `ttl: origin` it may be left out: the method, "
     "the host and the whole target then make it."},
    {"rules[].ttl",
     "ttl",
     "",
     "How long a 200 response is fresh; `origin`: as long as each response says of itself "
     "(Cache-Control, Expires: RFC 9111), with validation, for any API."},
    {"rules[].statuses", "statuses", "", "How long other statuses are fresh: {404: 30s}."},
    {"rules[].lock", "section", "", "Lets one replica fill a key while the others wait for it."},
    {"rules[].lock.key", "key", "", "The lock's key in Redis: `product:{id}:lock`."},
    {"rules[].lock.ttl", "duration", "30s", "The lock of a replica that died ends after this."},
    {"rules[].lock.wait",
     "duration",
     "5s",
     "After this a waiting request goes to the backend itself."},
    {"rules[].partition",
     "partition",
     "credential",
     "Who may share an entry. `credential`: requests with the same Authorization and Cookie, API "
     "key "
     "or tenant. [NAMES]: whose verified identity has the same values of these variables. `none`: "
     "everybody, "
     "because you know that the response is the same for all."},
    {"rules[].unlisted_query",
     "unlisted_query",
     "bypass",
     "A query parameter that the key does not use: `bypass` the cache, `include` it in the key, or "
     "`ignore` it."},
    {"rules[].max_object", "size", "1MiB", "A larger response is passed through and not stored."},
    {"rules[].jitter",
     "share",
     "0",
     "Shortens each entry's life by a random part of at most this share, so that entries stored "
     "together do not end together."},
    {"rules[].refresh_ahead",
     "duration",
     "0s",
     "A hit with less of its life left than this has the entry fetched anew in the background, so "
     "that what is asked for all the time never ends by time. 0s: never."},
    {"rules[].max_upstream",
     "count",
     "0",
     "Fills of this rule at once, in this process; 0 is no limit of its own."},
    {"rules[].max_keys",
     "count",
     "1000000",
     "Entries of this rule in the store at once, variants and partitions counted; what comes "
     "beyond is served and not stored. 0 is no bound."},
    {"rules[].store_set_cookie",
     "boolean",
     "false",
     "Whether a response with Set-Cookie may be stored, cookie and all."},
    {"rules[].store_errors",
     "boolean",
     "false",
     "Under `ttl: origin`: stores every error that says how long it is fresh, not only those about "
     "the target itself (404, 405, 410, 414, 451, 501). For backends that say so on purpose: an "
     "error that one request has brought about is then everybody's."},
    {"rules[].request_directives",
     "request_directives",
     "",
     "Whether Cache-Control and Pragma of a request narrow what it is answered with: `obey` or "
     "`ignore`. Under `ttl: origin` they do, elsewhere they do not: a client must not turn the "
     "cache off."},
    {"rules[].own_etag",
     "boolean",
     "true",
     "Under `ttl: origin`: gives entries an ETag, made from their content, where the backend sends "
     "none."},
    {"rules[].vary_language",
     "vary_language",
     "exact",
     "Which requests share a response that varies on Accept-Language. `exact`: the same list in "
     "the "
     "same order. `preference`: the same list in any order, and a response in a language "
     "(Content-Language) that a request prefers to all others; not for backends that break ties by "
     "the order."},
    {"rules[].ttl_only",
     "boolean",
     "false",
     "States that no purge is meant to reach this rule's entries: they are stale for up to their "
     "ttl."},
    {"rules[].stale_while_revalidate",
     "duration",
     "0s",
     "For that long past its ttl an entry is served while it is fetched anew behind its clients, "
     "but never past a purge. Under `ttl: origin` the backend says it."},
    {"rules[].stale_if_error",
     "duration",
     "0s",
     "For that long past its ttl an entry stands in while the backend answers 500, 502, 503 or "
     "504, "
     "or not at all, but never past a purge. Under `ttl: origin` the backend says it."},

    {"purges",
     "purges",
     "",
     "What a request with an unsafe method makes stale. Every purge that matches applies."},
    {"purges[].name", "name", "", "Names the purge in metrics and logs."},
    {"purges[].on",
     "routes",
     "",
     "Method and path of the mutation, one or several: `PUT /products/{id}`."},
    {"purges[].vars",
     "variables",
     "",
     "Variables of the patterns that the path does not hold. One without a value widens to `*`."},
    {"purges[].vars{}.from",
     "source",
     "",
     "identity.NAME, body.PATH, response.PATH, entry.RULE.PATH, query.NAME, header.NAME, "
     "cookie.NAME or path.NAME; `[*]` in a PATH stands for every element."},
    {"purges[].vars{}.default",
     "scalar",
     "",
     "The value when the source has none, instead of `*`."},
    {"purges[].patterns",
     "patterns",
     "",
     "The keys that become stale: `product:{id}*`. A `*` at the end is any rest of the key, "
     "elsewhere one part of it."},
    {"purges[].settle",
     "duration",
     "0s",
     "Nothing is stored under these patterns for that long after the answer: for backends that "
     "commit late or read from replicas."},
    {"purges[].unchanged_statuses",
     "status_list",
     "",
     "Answers that say that nothing was changed; the default is 400 401 403 404 405 406 409 410 "
     "411 412 413 414 415 417 422 428 429 431 501."},
});

}  // namespace

std::span<known_key const> known_keys() {
    return table;
}

std::string_view last_word(known_key const& key) {
    auto const dot = key.path.rfind('.');
    return dot == std::string_view::npos ? key.path : key.path.substr(dot + 1);
}

std::vector<known_key const*> keys_inside(std::string_view section) {
    std::vector<known_key const*> out;
    for (auto const& key : table) {
        auto const dot = key.path.rfind('.');
        auto const parent =
            dot == std::string_view::npos ? std::string_view() : key.path.substr(0, dot);
        if (parent == section) {
            out.push_back(&key);
        }
    }
    return out;
}

}  // namespace sidecache::config
