#include "proxy/store/inspection.hpp"

#include "proxy/store/conversation.hpp"
#include "proxy/store/credentials.hpp"
#include "proxy/store/dialler.hpp"
#include "proxy/store/identity.hpp"
#include "proxy/store/redis_handshake.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/redis_settings.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/rights.hpp"
#include "proxy/store/stream_deadline.hpp"
#include "proxy/store/tag_value.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using findings = std::vector<inspected>;

constexpr std::chrono::seconds patience{5};

void note(findings& to, std::string text) {
    to.push_back({inspected::kind::note, std::move(text)});
}
void warn(findings& to, std::string text) {
    to.push_back({inspected::kind::warning, std::move(text)});
}
void fail(findings& to, std::string text) {
    to.push_back({inspected::kind::error, std::move(text)});
}

/// Asks and listens; nullopt: it broke, and `to` says so.
task<std::optional<std::vector<resp_tree>>> ask(conversation& with,
                                                std::string commands,
                                                std::size_t replies,
                                                findings& to) {
    auto const said = co_await with.say(std::move(commands));
    if (!said) {
        fail(to, said.error().text);
        co_return std::nullopt;
    }
    std::vector<resp_tree> all;
    while (all.size() < replies) {
        auto one = co_await with.hear();
        if (!one) {
            fail(to, one.error().text);
            co_return std::nullopt;
        }
        all.push_back(std::move(*one));
    }
    co_return all;
}

bool is_error(resp_tree const& r) {
    return r.what == resp_tree::kind::error;
}

/// AUTH, who it is, the database. False: nothing more can be found out.
task<bool> greet(conversation& with, config::store const& where, findings& to) {
    auto const who = read_credentials(where.user, where.password, where.password_file);
    if (!who) {
        fail(to, who.error().text);
        co_return false;
    }
    std::string out;
    auto const greeting = append_greeting(out, *who, "sidecache-check");
    append_command(out, "INFO"sv, "server"sv);
    append_command(out, "INFO"sv, "replication"sv);
    append_command(out, "SELECT"sv, where.database);
    auto const all = co_await ask(with, std::move(out), greeting + 3, to);
    if (!all) {
        co_return false;
    }
    auto const& replies = *all;
    if (greeting > 1 && is_error(replies[0])) {
        fail(to, "the server refuses our password: " + replies[0].text);
        co_return false;
    }
    auto const& server = replies[greeting];
    auto const& replication = replies[greeting + 1];
    if (is_sentinel(server.text)) {
        fail(to, std::string(unfit_sentinel));
        co_return false;
    }
    for (auto const* r : {&server, &replication}) {
        if (is_error(*r)) {
            fail(to, "INFO: " + r->text);
            co_return false;
        }
    }
    auto const id = parse_identity(server.text, replication.text);
    if (!id) {
        fail(to, "INFO does not tell run_id, role and master_replid");
        co_return false;
    }
    note(to, "Redis " + id->version + ", " + id->role + ", run_id " + id->run_id);
    if (auto const unfit = why_unfit(*id, where.is_cluster()); !unfit.empty()) {
        fail(to, unfit);
        co_return false;
    }
    if (!id->is_primary()) {
        fail(to, "this is a replica: sidecache needs the primary");
        co_return false;
    }
    if (auto const& selected = replies[greeting + 2]; is_error(selected)) {
        fail(to, "database " + std::to_string(where.database) + ": " + selected.text);
        co_return false;
    }
    co_return true;
}

task<bool> try_rights(conversation& with, config::model const& config, findings& to) {
    auto const nonce = random_ids().next().hex();
    std::string out;
    append_rights_probe(out, nonce);
    // What each rule's keys begin with: a user may be confined to some.
    std::vector<std::string> heads;
    if (config.rules) {
        for (auto const& rule : config.rules->rules()) {
            auto const& key = rule.definition.key.value;
            heads.push_back(key.substr(0, key.find('{')));
            auto const probe = heads.back() + "sidecache-rights-" + nonce;
            append_command(out, "SET"sv, std::string_view(probe), "1"sv, "PX"sv, "1"sv);
        }
    }
    auto const rights = rights_probe_size();
    auto const all = co_await ask(with, std::move(out), rights + heads.size(), to);
    if (!all) {
        co_return false;
    }
    bool fine = true;
    for (std::size_t i = 0; i < rights; ++i) {
        auto const& r = (*all)[i];
        auto missing = is_error(r) ? missing_right(i, r.text) : std::string();
        if (!missing.empty()) {
            fail(to, std::move(missing));
            fine = false;
        } else if (is_error(r) && r.text.starts_with("OOM")) {
            warn(to, "the server is out of memory: " + r.text);
        }
    }
    for (std::size_t i = 0; i < heads.size(); ++i) {
        auto const& r = (*all)[rights + i];
        if (is_error(r) && r.text.starts_with("NOPERM")) {
            fail(to,
                 "the user may not use the keys of rule " +
                     config.rules->rules()[i].definition.name.value + " (~" + heads[i] +
                     "*): " + r.text);
            fine = false;
        }
    }
    co_return fine;
}

task<void> look_at_settings(conversation& with, findings& to) {
    std::string out;
    append_command(out, "CONFIG"sv, "GET"sv, "maxmemory-policy"sv);
    auto const all = co_await ask(with, std::move(out), 1, to);
    if (!all) {
        co_return;
    }
    auto const& policy = (*all)[0];
    if (is_error(policy) || policy.items.size() != 2) {
        note(to,
             "the eviction policy cannot be looked up (CONFIG is not permitted): it should be "
             "noeviction or a volatile- one");
        co_return;
    }
    auto const warning = eviction_warning(policy.items[1].text);
    if (warning.empty()) {
        note(to, "maxmemory-policy " + policy.items[1].text);
    } else {
        warn(to, warning);
    }
}

task<void> try_subscription(conversation& with, findings& to) {
    std::string out;
    auto const acks = std::string(names::acks) + "0";
    append_command(out, "SUBSCRIBE"sv, names::events, std::string_view(acks));
    auto const all = co_await ask(with, std::move(out), 1, to);
    if (all && is_error((*all)[0])) {
        fail(to, "SUBSCRIBE to sidecache:* is refused: " + (*all)[0].text);
    }
}

/// All that is asked of one server, once there is a connection.
task<void> inspect_server(stream& on, config::model const& config, findings& to) {
    stream_deadline const limit(on, patience);
    conversation with(on);
    auto goes_on = co_await greet(with, config.store, to);
    if (goes_on) {
        goes_on = co_await try_rights(with, config, to);
    }
    if (goes_on) {
        co_await look_at_settings(with, to);
        co_await try_subscription(with, to);
    }
    if (limit.passed()) {
        fail(to, "the server does not answer in time");
    }
}

/// Every primary of a Cluster.
task<void> inspect_cluster(executor ex, config::model const& config, dialler& dial, findings& to) {
    auto const told = co_await dial.cluster()->ask(ex);
    if (!told) {
        fail(to, told.error().text);
        co_return;
    }
    auto const& map = **told;
    std::size_t without_owner = 0;
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
        without_owner += map.owner(static_cast<std::uint16_t>(slot)) == nullptr ? 1 : 0;
    }
    auto const owners = map.owners();
    note(to, "a Cluster of " + std::to_string(owners.size()) + " primaries");
    if (without_owner != 0) {
        fail(to, std::to_string(without_owner) + " slots have no owner");
    }
    for (auto const& at : owners) {
        findings about;
        stream on(ex);
        auto const reached = co_await dial.way().connect(on, at);
        if (reached) {
            note(about, config.store.is_tls ? "connected, over TLS" : "connected");
            co_await inspect_server(on, config, about);
        } else {
            fail(about, reached.error().text);
        }
        for (auto& one : about) {
            to.push_back({one.what, at.text() + ": " + one.text});
        }
    }
}

}  // namespace

task<std::vector<inspected>> inspect(executor ex, config::model const& config) {
    findings to;
    auto const& where = config.store;
    redis_settings settings;
    settings.where = where;
    dialler dial(where, settings.connect_timeout());
    if (dial.cluster() != nullptr) {
        co_await inspect_cluster(ex, config, dial, to);
        co_return to;
    }
    stream on(ex);
    auto const reached = co_await dial.connect(on);
    if (!reached) {
        fail(to, reached.error().text);
        co_return to;
    }
    if (dial.directory() != nullptr) {
        note(to, "the Sentinels name " + reached->text());
    }
    note(to, where.is_tls ? "connected, over TLS" : "connected");
    co_await inspect_server(on, config, to);
    co_return to;
}

}  // namespace sidecache::store
