#include "proxy/admin/admin.hpp"

#include "config/model.hpp"
#include "proxy/admin/answer.hpp"
#include "proxy/admin/explain_json.hpp"
#include "proxy/admin/guard.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/history.hpp"
#include "proxy/admin/kept_purge.hpp"
#include "proxy/admin/purge_request.hpp"
#include "proxy/admin/query.hpp"
#include "proxy/admin/sightings.hpp"
#include "proxy/admin/stats.hpp"
#include "proxy/admin/status_page.hpp"
#include "proxy/admin/warm_request.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/cache/warmer.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/http/framing.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/telemetry/watch.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace sidecache::admin {

namespace {

enum class route {
    metrics,
    live,
    ready,
    purge,
    drain,
    warm,
    explain,
    stats,
    history,
    keys,
    mutations,
    config,
    page,
};

struct path_of_route {
    std::string_view path;
    route where;
    std::string_view allow;
};

constexpr std::string_view reads = "GET, HEAD";

/// Of the latencies in `/stats`.
constexpr std::chrono::seconds latency_window{60};

constexpr std::array<path_of_route, 14> routes{{
    {"/metrics", route::metrics, reads},
    {"/livez", route::live, reads},
    {"/healthz", route::live, reads},
    {"/readyz", route::ready, reads},
    {"/purge", route::purge, "POST"},
    {"/drain", route::drain, "POST"},
    {"/warm", route::warm, "POST"},
    {"/explain", route::explain, reads},
    {"/stats", route::stats, reads},
    {"/stats/history", route::history, reads},
    {"/stats/keys", route::keys, reads},
    {"/stats/mutations", route::mutations, reads},
    {"/config", route::config, reads},
    {"/", route::page, reads},
}};

path_of_route const* find_route(std::string_view path) {
    for (auto const& r : routes) {
        if (r.path == path) {
            return &r;
        }
    }
    return nullptr;
}

bool allows(path_of_route const& r, std::string_view method) {
    return r.allow == reads ? method == "GET" || method == "HEAD" : method == r.allow;
}

/// The request's content; too_large is judged by what came, whatever Content-Length says.
struct content {
    bool too_large = false;
    error_code error;
    std::string bytes;
};

task<content> read_content(http::downstream& client, std::size_t limit) {
    content out;
    std::array<char, 4096> buffer;
    while (true) {
        auto const n = co_await client.read_body(asio::buffer(buffer));
        if (!n) {
            out.error = n.error();
            co_return out;
        }
        if (*n == 0) {
            co_return out;
        }
        if (out.bytes.size() + *n > limit) {
            out.too_large = true;
            co_return out;
        }
        out.bytes.append(buffer.data(), *n);
    }
}

class admin_handler final : public http::handler {
public:
    explicit admin_handler(admin_parts parts) : parts_(std::move(parts)) {}

    task<void> handle(http::downstream& client) override {
        auto const path = rules::path_of(client.request().target);
        auto const* const found = find_route(path);
        answer out;
        if (found == nullptr) {
            out = failure(
                404,
                "there is /metrics /livez /readyz /purge /drain /warm /explain /stats /config and "
                "/");
        } else if (!allows(*found, client.request().method)) {
            out = failure(405, "this path takes " + std::string(found->allow));
            out.fields.emplace_back("Allow", found->allow);
        } else if (found->where == route::purge) {
            auto purged = co_await purge(client);
            if (!purged) {
                co_return;  // the client has gone away: nobody to answer
            }
            out = std::move(*purged);
        } else if (found->where == route::drain) {
            out = drain(client.request());
        } else if (found->where == route::warm) {
            auto begun = co_await warm(client);
            if (!begun) {
                co_return;
            }
            out = std::move(*begun);
        } else {
            out = read(found->where, client.request());
        }
        if (client.request().body != http::framing::none &&
            (out.status >= 400 && out.status < 500)) {
            client.close_after_answer();  // content may be left unread
        }
        co_await send(client, std::move(out));
    }

private:
    answer read(route where, http::request_head const& request) {
        switch (where) {
            case route::metrics:
                return answer{
                    200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics.render(), {}};
            case route::live:
                return text(200, "ok\n");
            case route::ready:
                return readiness(parts_.state.present(),
                                 parts_.store(),
                                 is_upstream_reachable(parts_.metrics.process(), system_now_ms()));
            case route::explain: {
                auto const asked =
                    parse_query(rules::query_of(request.target).value_or(std::string_view{}));
                if (!asked) {
                    return failure(400, "bad percent-encoding in the query");
                }
                return explain(*parts_.config(), *asked);
            }
            case route::stats:
                return stats(parts_.state,
                             *parts_.config(),
                             parts_.store(),
                             parts_.metrics,
                             parts_.past.latency(latency_window),
                             parts_.warmer);
            case route::history:
                return past(request);
            case route::keys:
            case route::mutations:
            case route::config:
                return lately(where, request);
            case route::page:
                return status_page();
            case route::purge:
            case route::drain:
            case route::warm:
                break;  // not a read
        }
        return failure(404, "");
    }

    answer drain(http::request_head const& request) {
        if (auto refused = refuse_unauthorized(request, parts_.config()->admin.token)) {
            return std::move(*refused);
        }
        parts_.leave();
        boost::json::object out;
        out["status"] = name(phase::draining);
        return json(202, out);
    }

    answer past(http::request_head const& request) const {
        auto const asked =
            parse_query(rules::query_of(request.target).value_or(std::string_view{}));
        std::uint64_t after = 0;
        if (!asked || asked->size() > 1 ||
            (asked->size() == 1 && !is_number(asked->front(), "after", after))) {
            return failure(400, "it is /stats/history, or /stats/history?after=NUMBER");
        }
        auto out = parts_.past.since(after);
        out["process"] = parts_.state.started_at();
        out["now_ms"] = system_now_ms();
        return json(200, out);
    }

    static bool is_number(std::pair<std::string, std::string> const& given,
                          std::string_view name,
                          std::uint64_t& out) {
        auto const* const end = given.second.data() + given.second.size();
        auto const read = std::from_chars(given.second.data(), end, out);
        return given.first == name && read.ec == std::errc{} && read.ptr == end;
    }

    /// What shows keys, paths or the file.
    answer lately(route where, http::request_head const& request) const {
        if (auto refused = refuse_strangers_page(request)) {
            return *std::move(refused);
        }
        if (where == route::keys) {
            return hottest_keys(parts_.seen, boot_clock::now());
        }
        if (where == route::mutations) {
            return latest_mutations(parts_.seen);
        }
        return answer{200, "application/yaml; charset=utf-8", parts_.state.effective(), {}};
    }

    /// nullopt: the client went away before its request was complete.
    task<std::optional<answer>> purge(http::downstream& client) {
        auto const config = parts_.config();
        if (auto refused = refuse_unauthorized(client.request(), config->admin.token)) {
            co_return refused;
        }
        auto const body = co_await read_content(client, max_purge_body);
        if (body.error) {
            if (auto const bad = http::refusal_of(body.error)) {
                co_return failure(bad.status, bad.why);
            }
            co_return std::nullopt;  // the client is gone
        }
        if (body.too_large) {
            co_return failure(413, "a purge request has at most 64 KiB");
        }
        auto named = tags_of_purge(*config->rules, body.bytes);
        if (auto const* wrong = std::get_if<std::string>(&named)) {
            co_return failure(400, *wrong);
        }
        auto const& tags = std::get<std::vector<std::string>>(named);
        auto const began = boot_clock::now();
        auto work = parts_.purge(tags);
        auto const done = co_await std::move(work);
        note(tags, done, boot_clock::now() - began);
        if (!done) {
            auto out = failure(503,
                               "the store could not be reached (" + done.error().message() +
                                   "): the purge is kept and made as soon as the store answers; "
                                   "until then this replica serves nothing under these tags");
            out.fields.emplace_back("Retry-After", "1");
            co_return out;
        }
        log::info("purged by hand",
                  {{"tags", done->tags}, {"keys", done->keys_removed}, {"peer", client.peer()}});
        boost::json::object purged;
        purged["tags"] = boost::json::array(tags.begin(), tags.end());
        purged["keys"] = done->keys_removed;
        boost::json::object out;
        out["purged"] = std::move(purged);
        co_return json(200, out);
    }

    void note(std::vector<std::string> const& tags,
              result<cache::purge_report> const& done,
              std::chrono::nanoseconds took) const {
        telemetry::mutation_record record;
        record.at = system_now_ms();
        record.method = "POST";
        record.path = "/purge";
        record.purges = "by hand";
        record.tags = tags;
        record.outcome = done ? "changed" : "pending";
        record.took = took;
        record.keys_removed = done ? done->keys_removed : 0;
        parts_.seen.of_worker(0).mutations.add(std::move(record));
    }

    /// As `purge`.
    task<std::optional<answer>> warm(http::downstream& client) {
        auto const config = parts_.config();
        if (auto refused = refuse_unauthorized(client.request(), config->admin.token)) {
            co_return refused;
        }
        auto const body = co_await read_content(client, max_warm_body);
        if (body.error) {
            if (auto const bad = http::refusal_of(body.error)) {
                co_return failure(bad.status, bad.why);
            }
            co_return std::nullopt;  // the client is gone
        }
        if (body.too_large) {
            co_return failure(413, "a request to warm has at most 1 MiB");
        }
        auto paths = paths_to_warm(*config, body.bytes);
        if (auto const* wrong = std::get_if<std::string>(&paths)) {
            co_return failure(400, *wrong);
        }
        if (parts_.warmer == nullptr) {
            co_return failure(503, "nothing can be fetched here");
        }
        bool const has_begun =
            parts_.warmer->start(std::get<std::vector<std::string>>(std::move(paths)));
        co_return warm_answer(has_begun, parts_.warmer->progress());
    }

    static task<void> send(http::downstream& client, answer out) {
        http::response_head head;
        head.status = out.status;
        head.reason = reason_phrase(out.status);
        head.fields.add("Content-Type", out.type);
        head.fields.add("Cache-Control", "no-store");
        head.fields.add("X-Content-Type-Options", "nosniff");
        head.fields.add("Cross-Origin-Resource-Policy", "same-origin");
        for (auto const& [name, value] : out.fields) {
            head.fields.add(name, value);
        }
        auto const sent = co_await client.send(head, out.body);
        (void)sent;  // the client has gone away: its connection ends anyhow
    }

    admin_parts parts_;
};

}  // namespace

std::shared_ptr<http::handler> make_admin_handler(admin_parts parts) {
    return std::make_shared<admin_handler>(std::move(parts));
}

std::shared_ptr<http::handler> make_admin_handler(cache::worker_parts const& worker,
                                                  telemetry::registry& metrics,
                                                  process_state const& state,
                                                  telemetry::watches& seen,
                                                  history const& past,
                                                  std::function<void()> leave,
                                                  cache::warmer& warmer) {
    return make_admin_handler(admin_parts{.metrics = metrics,
                                          .state = state,
                                          .config = [&worker] { return worker.current->config; },
                                          .store = [&worker] { return worker.store.status(); },
                                          .purge =
                                              [&worker](std::vector<std::string> tags) {
                                                  return purge_or_owe(worker, std::move(tags));
                                              },
                                          .leave = std::move(leave),
                                          .seen = seen,
                                          .past = past,
                                          .warmer = &warmer});
}

}  // namespace sidecache::admin
