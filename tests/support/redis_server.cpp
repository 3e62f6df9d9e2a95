#include "tests/support/redis_server.hpp"

#include "tests/support/sockets.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <stdexcept>

namespace sidecache::tests {
namespace {

redis_value value_of(redisReply const& r) {
    redis_value v;
    switch (r.type) {
        case REDIS_REPLY_NIL:
            break;
        case REDIS_REPLY_INTEGER:
            v.what = redis_value::kind::integer;
            v.text = std::to_string(r.integer);
            break;
        case REDIS_REPLY_ARRAY:
            v.what = redis_value::kind::list;
            for (std::size_t i = 0; i < r.elements; ++i) {
                v.items.push_back(value_of(*r.element[i]));
            }
            break;
        case REDIS_REPLY_ERROR:
            v.what = redis_value::kind::error;
            v.text.assign(r.str, static_cast<std::size_t>(r.len));
            break;
        default:
            v.what = redis_value::kind::text;
            v.text.assign(r.str, static_cast<std::size_t>(r.len));
            break;
    }
    return v;
}

}  // namespace

struct redis_server::connection {
    explicit connection(std::uint16_t port) {
        timeval const patience{20, 0};
        context = redisConnectWithTimeout("127.0.0.1", port, patience);
        if (context == nullptr || context->err != 0) {
            throw std::runtime_error("cannot connect to redis-server");
        }
        redisSetTimeout(context, patience);
    }
    ~connection() { redisFree(context); }
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    redisContext* context = nullptr;
};

long long redis_value::number() const {
    return std::stoll(text);
}

redis_server::redis_server(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    start_anywhere();
}

redis_server::redis_server(sentinel_file sentinel) : sentinel_(std::move(sentinel)) {
    start_anywhere();
}

void redis_server::start_anywhere() {
    // Between finding a port free and using it somebody else may take it: then another one.
    for (int attempt = 0;; ++attempt) {
        port_ = free_port();
        if (sentinel_) {
            folder_.write("sentinel.conf",
                          "port " + std::to_string(port_) + "\nbind 127.0.0.1\ndir " +
                              folder_.path().string() + "\n" + sentinel_->lines);
        }
        try {
            start();
            return;
        } catch (std::runtime_error const&) {
            if (attempt == 4) {
                throw;
            }
        }
    }
}

std::string redis_server::socket_path() const {
    return (folder_.path() / "redis.sock").string();
}

process_options redis_server::options_of_start() const {
    process_options options;
    if (sentinel_) {
        options.argv = {"redis-server", (folder_.path() / "sentinel.conf").string(), "--sentinel"};
        return options;
    }
    options.argv = {"redis-server",
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    std::to_string(port_),
                    "--unixsocket",
                    socket_path(),
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--enable-debug-command",
                    "local",
                    "--dir",
                    folder_.path().string()};
    options.argv.insert(options.argv.end(), arguments_.begin(), arguments_.end());
    return options;
}

void redis_server::start() {
    process_.emplace(options_of_start());
    process_->wait_for_line(sentinel_ ? "Sentinel ID is"
                                      : "The server is now ready to accept connections at");
    connect();
    if (sentinel_ && !sentinel_->auth.empty()) {
        auto words = sentinel_->auth;
        words.insert(words.begin(), "AUTH");
        command(words);
    }
    if (cli({"PING"}) != "PONG") {
        throw std::runtime_error("redis-server does not answer PING");
    }
}

void redis_server::kill() {
    connection_.reset();
    process_->kill();
}

void redis_server::connect() {
    connection_ = std::make_shared<connection>(port_);
}

redis_value redis_server::try_command(std::vector<std::string> const& words) {
    if (!connection_) {
        connect();
    }
    std::vector<char const*> argv;
    std::vector<std::size_t> sizes;
    for (auto const& w : words) {
        argv.push_back(w.data());
        sizes.push_back(w.size());
    }
    auto* const raw = redisCommandArgv(
        connection_->context, static_cast<int>(argv.size()), argv.data(), sizes.data());
    if (raw == nullptr) {
        connection_.reset();
        throw std::runtime_error("redis-server did not reply to " + words.at(0));
    }
    std::unique_ptr<redisReply, void (*)(redisReply*)> const reply(
        static_cast<redisReply*>(raw), [](redisReply* r) { freeReplyObject(r); });
    return value_of(*reply);
}

redis_value redis_server::command(std::vector<std::string> const& words) {
    auto v = try_command(words);
    if (v.what == redis_value::kind::error) {
        throw std::runtime_error(words.at(0) + ": " + v.text);
    }
    return v;
}

std::string redis_server::cli(std::vector<std::string> const& words) {
    auto const v = command(words);
    if (v.what != redis_value::kind::list) {
        return v.text;
    }
    std::string out;
    for (auto const& item : v.items) {
        out += (out.empty() ? "" : "\n") + item.text;
    }
    return out;
}

std::vector<std::string> redis_server::keys(std::string const& pattern) {
    std::vector<std::string> out;
    auto const found = command({"KEYS", pattern});
    for (auto const& item : found.items) {
        out.push_back(item.text);
    }
    std::sort(out.begin(), out.end());
    return out;
}

long long redis_server::calls(std::string_view lower_case_command) {
    auto const info = cli({"INFO", "commandstats"});
    auto const name = "cmdstat_" + std::string(lower_case_command) + ":calls=";
    auto const at = info.find(name);
    return at == std::string::npos ? 0 : std::stoll(info.substr(at + name.size()));
}

}  // namespace sidecache::tests
