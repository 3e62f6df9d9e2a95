// A small products service: what sidecache stands in front of in the demo, the tests and the
// benchmarks. It knows nothing of a cache.
#include "tests/backend/catalog.hpp"
#include "tests/backend/control.hpp"
#include "tests/backend/faults.hpp"
#include "tests/backend/gzip.hpp"
#include "tests/backend/journal.hpp"
#include "tests/backend/server.hpp"
#include "tests/backend/service.hpp"

#include <CLI/CLI.hpp>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>

namespace backend {
namespace {

struct options {
    std::uint16_t port = 3000;
    std::uint16_t control_port = 0;
    std::string database;
    std::int64_t products = -1;
    std::int64_t users = 2;
};

/// One request through everything: count, faults, content coding, the service.
class application {
public:
    explicit application(std::string const& file) : data(file), api(data) {}

    outcome handle(request const& r) {
        struct visit {
            journal& j;
            ~visit() { j.left(); }
        };
        log.arrived(r, service::route(r));
        visit const here{log};
        auto const before = wrong.apply(r, fault::moment::before);
        if (before.then != fault::ending::answer) {
            return ended_by(before, {});
        }
        auto answer = answer_to(r);
        auto const after = wrong.apply(r, fault::moment::after);
        if (after.body) {
            answer.body = *after.body;
        }
        answer.fields.insert(answer.fields.end(), after.fields.begin(), after.fields.end());
        return ended_by(after, std::move(answer));
    }

    catalog data;
    faults wrong;
    journal log;
    std::atomic<bool> gzip_answers{false};
    std::atomic<bool> validated_answers{false};
    service api;
    control side_door{data, wrong, log, gzip_answers, validated_answers};

private:
    static outcome ended_by(fault const& f, response answer) {
        if (f.then == fault::ending::status) {
            return {problem(f.status, "a fault that was asked for"), fault::ending::answer};
        }
        if (f.then == fault::ending::truncate && answer.body.empty()) {
            answer = problem(200, "a body that does not come whole");
        }
        return {std::move(answer), f.then};
    }

    response answer_to(request const& r) {
        try {
            auto answer = decoded(r);
            auto const accepts = r.field("Accept-Encoding").value_or("");
            if (gzip_answers && !answer.body.empty()) {
                answer.fields.emplace_back("Vary", "Accept-Encoding");
                if (accepts.find("gzip") != std::string_view::npos) {
                    answer.body = gzip(answer.body);
                    answer.fields.emplace_back("Content-Encoding", "gzip");
                }
            }
            if (validated_answers) {
                answer.fields.emplace_back("Cache-Control", "public, no-cache");
            }
            return answer;
        } catch (std::exception const& e) {
            std::cerr << r.method << ' ' << r.target << ": " << e.what() << '\n';
            return problem(500, "the database failed");
        }
    }

    response decoded(request const& r) {
        auto const coding = r.field("Content-Encoding");
        if (!coding) {
            return api.handle(r);
        }
        auto plain = coding == "gzip" ? gunzip(r.body) : std::nullopt;
        if (!plain) {
            return problem(415, "only gzip, and only whole");
        }
        auto copy = r;
        copy.body = std::move(*plain);
        return api.handle(copy);
    }
};

int run(options const& o) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // every thread inherits it; sigwait takes them

    bool const fresh = !std::filesystem::exists(o.database);
    application app(o.database);
    if (o.products >= 0) {
        app.data.seed(o.products, o.users);
    } else if (fresh) {
        app.data.seed(100, o.users);
    }
    server const side(o.control_port,
                      [&](request const& r) { return outcome{app.side_door.handle(r), {}}; });
    server const main_port(o.port, [&](request const& r) { return app.handle(r); });
    std::cout << "control listening on 127.0.0.1:" << side.port() << '\n'
              << "backend listening on 127.0.0.1:" << main_port.port() << std::endl;
    int got = 0;
    ::sigwait(&ends, &got);
    app.wrong.stop();
    return 0;
}

}  // namespace
}  // namespace backend

int main(int argc, char** argv) {
    try {
        backend::options o;
        CLI::App cli(
            "A small products service on SQLite: the backend of sidecache's demo and tests.");
        cli.add_option("--port", o.port, "where it serves; 0: a free port")->capture_default_str();
        cli.add_option(
               "--control-port", o.control_port, "counters and faults for tests; 0: a free port")
            ->capture_default_str();
        cli.add_option("--database", o.database, "SQLite file")->required();
        cli.add_option("--seed", o.products, "start anew with that many products");
        cli.add_option("--users", o.users, "users of each organization, when it starts anew")
            ->capture_default_str();
        CLI11_PARSE(cli, argc, argv);
        return backend::run(o);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "backend: %s\n", e.what());
        return 1;
    }
}
