#include "tests/machines/fill_world.hpp"

#include "config/load.hpp"
#include "proxy/cache/event_channel.hpp"
#include "proxy/store/make_hub.hpp"
#include "rules/rule_set.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <array>
#include <cassert>
#include <stdexcept>
#include <utility>

namespace sidecache::test {

namespace {

std::shared_ptr<config::model const> load(std::string const& yaml) {
    auto loaded = config::load_text(
        yaml, "test.yaml", [](std::string_view) { return std::optional<std::string>(); });
    if (!loaded.config) {
        std::string text = "the test's configuration has errors:";
        for (auto const& f : loaded.findings) {
            text += "\n" + f.print();
        }
        throw std::invalid_argument(text);
    }
    return loaded.config;
}

telemetry::access_log& no_log() {
    static struct silent final : telemetry::access_log {
        bool wants(bool) const override { return false; }
        void write(telemetry::access_record const&) override {}
    } log;
    return log;
}

std::shared_ptr<cache::snapshot const> snapshot_of(std::shared_ptr<config::model const> config,
                                                   std::uint64_t number = 1) {
    auto metrics = std::make_shared<telemetry::worker_metrics>(config->rules->rules().size(),
                                                               config->rules->purges().size());
    return std::make_shared<cache::snapshot const>(
        cache::snapshot{std::move(config), std::move(metrics), number});
}

}  // namespace

std::string call::field(std::string_view name) const {
    auto const& head = client.prepared_head;
    if (head.empty()) {
        return client.field(name);
    }
    auto const line = std::string("\r\n").append(name).append(": ");
    auto const at = head.find(line);
    if (at == std::string::npos) {
        return {};
    }
    auto const begin = at + line.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string call::cache_status() const {
    return field("Cache-Status");
}

fill_world::replica::replica(fill_world& world, std::size_t near_bytes)
    : process(process_metrics),
      store(world.context.get_executor(), world.hub_.make_store(world.context, {})),
      upstream(world.context.get_executor()),
      background(world.context.get_executor()),
      near(near_bytes == 0
               ? nullptr
               : std::make_unique<cache::near_cache>(
                     near_bytes, process.near_tags(), world.hub_.near_lease(), process_metrics)),
      current(snapshot_of(world.config_)),
      shared(process.parts()),
      parts{world.context.get_executor(),
            store,
            upstream,
            shared,
            current,
            no_log(),
            background,
            near.get()},
      handler(cache::make_handler(parts)) {
    world.hub_.subscribe(
        world.context,
        [this](std::string_view payload) { process.events().dispatch(payload); },
        [this] { process.events().lost(); });
}

void fill_world::replica::drop(std::string_view tag) {
    std::array<std::string_view, 1> const one{tag};
    process.near_tags().drop(one);
}

void fill_world::replica::reload() {
    current = snapshot_of(current->config, current->number + 1);
}

telemetry::rule_metrics& fill_world::replica::metrics(std::string_view rule) const {
    return current->metrics->rules.at(current->config->rules->find_rule(rule)->index);
}

std::uint64_t fill_world::replica::count(std::string_view rule, telemetry::request_result r) const {
    return metrics(rule).requests.at(static_cast<std::size_t>(r)).value();
}

fill_world::fill_world(std::size_t replicas, std::string const& yaml, std::size_t near_bytes)
    : config_(load(yaml)),
      hub_(store::memory_options{256ULL << 20,
                                 [this] { return system_now_ms() + store_clock_ahead.count(); }},
           store::random_ids()),
      outside_(hub_.make_store(context, {})) {
    for (std::size_t i = 0; i < replicas; ++i) {
        replicas_.push_back(std::make_unique<replica>(*this, near_bytes));
    }
}

fill_world::~fill_world() {
    // What a test left in the middle comes to an end by itself: it refers to the parts.
    for (auto& r : replicas_) {
        r->store.open_all();
        r->store.down = store::store_error::unreachable;
        r->store.down_command.clear();
        r->upstream.shut();
    }
    bool const ended = until([this] {
        bool rest = false;
        for (auto const& r : replicas_) {
            rest = rest || !r->background.empty();
        }
        for (auto const& c : calls_) {
            rest = rest || !c->done;
        }
        return !rest;
    });
    assert(ended && "every coroutine ends");
    (void)ended;
    hub_.stop();
    settle();
}

std::shared_ptr<call> fill_world::begin_get(std::string_view target,
                                            std::size_t replica,
                                            std::string_view fields,
                                            std::string_view method) {
    auto text = std::string(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    text.append(fields);
    auto c = std::make_shared<call>(text);
    calls_.push_back(c);
    auto work = replicas_.at(replica)->handler->handle(c->client);
    asio::co_spawn(context, std::move(work), [c](std::exception_ptr error) {
        c->done = true;
        if (error) {
            std::rethrow_exception(error);
        }
    });
    return c;
}

std::shared_ptr<call> fill_world::get(std::string_view target,
                                      std::size_t replica,
                                      std::string_view fields,
                                      std::string_view method) {
    auto c = begin_get(target, replica, fields, method);
    settle();
    return c;
}

void fill_world::settle() {
    context.restart();
    while (context.poll() != 0) {
    }
}

bool fill_world::until(std::function<bool()> const& holds) {
    auto const limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
        context.restart();
        context.run_one_until(limit);
        if (std::chrono::steady_clock::now() >= limit) {
            return holds();
        }
    }
    return true;
}

template <class T>
T fill_world::run(task<T> work) {
    return run_task(context, std::move(work));
}

store::mutation_id fill_world::begin(std::string_view tag,
                                     store::mark_kind kind,
                                     std::chrono::milliseconds life) {
    auto const id = store::random_ids().next();
    std::array<store::begin_mark, 1> const marks{store::begin_mark{tag, kind}};
    if (!run(outside_->begin(id, marks, life, config_->tag_life()))) {
        throw std::runtime_error("begin failed");
    }
    return id;
}

void fill_world::end(store::mutation_id id, std::string_view tag, store::end_action action) {
    std::array<store::end_mark, 1> const marks{store::end_mark{tag, action, {}}};
    if (!run(outside_->end(id, marks, std::chrono::seconds(35), config_->tag_life()))) {
        throw std::runtime_error("end failed");
    }
}

void fill_world::purge(std::string_view tag) {
    auto const id = begin(tag);
    end(id, tag, store::end_action::bump);
}

}  // namespace sidecache::test
