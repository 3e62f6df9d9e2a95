#include "proxy/store/cluster_directory.hpp"

#include "proxy/store/conversation.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/stream_deadline.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

connect_error failed(store_error code, std::string text) {
    return {code, std::move(text)};
}

/// 0: it is not there.
std::uint64_t number_behind(std::string_view text, std::string_view name) {
    std::uint64_t n = 0;
    if (auto const at = text.find(name); at != std::string_view::npos) {
        text.remove_prefix(at + name.size());
        auto const* const begin = text.data();
        std::from_chars(begin, begin + text.size(), n);
    }
    return n;
}

void add_new(std::vector<config::endpoint>& to, config::endpoint const& at) {
    if (std::find(to.begin(), to.end(), at) == to.end()) {
        to.push_back(at);
    }
}

}  // namespace

cluster_directory::cluster_directory(config::store const& where, connector& way)
    : user_(where.user),
      password_(where.password),
      password_file_(where.password_file),
      seeds_(where.cluster_seeds),
      way_(way),
      known_(where.cluster_seeds) {}

std::vector<config::endpoint> cluster_directory::known() const {
    std::scoped_lock const guard(mutex_);
    return known_;
}

cluster_directory::map_ptr cluster_directory::present() const {
    std::scoped_lock const guard(mutex_);
    return present_;
}

void cluster_directory::on_change(std::function<void()> told) {
    std::scoped_lock const guard(mutex_);
    waiting_.push_back(std::move(told));
}

void cluster_directory::set(std::unique_lock<std::mutex> held, map_ptr map) {
    present_ = std::move(map);
    auto const told = waiting_;
    held.unlock();
    for (auto const& t : told) {
        t();
    }
}

void cluster_directory::moved(std::uint16_t slot, config::endpoint const& to) {
    std::unique_lock held(mutex_);
    if (!present_) {
        return;
    }
    auto const* const owner = present_->owner(slot);
    if (owner != nullptr && *owner == to) {
        return;
    }
    auto next = std::make_shared<slot_map>(*present_);
    next->set_owner(slot, slot, to);
    set(std::move(held), std::move(next));
}

bool cluster_directory::is_up_to_date(view const& seen) const {
    std::scoped_lock const guard(mutex_);
    return seen.is_in_order && seen.epoch >= epoch_;
}

cluster_directory::map_ptr cluster_directory::take(config::endpoint const& by, view seen) {
    auto& map = seen.map;
    std::unique_lock held(mutex_);
    epoch_ = seen.epoch;
    // Who has told, the other primaries, the replicas, and those who were there at the beginning.
    std::vector<config::endpoint> known{by};
    for (auto const& at : map.owners()) {
        add_new(known, at);
    }
    for (auto const& at : map.replicas()) {
        add_new(known, at);
    }
    for (auto const& at : seeds_) {
        add_new(known, at);
    }
    known_ = std::move(known);
    if (present_ && present_->has_same_owners(map)) {
        return present_;
    }
    auto next = std::make_shared<slot_map const>(std::move(map));
    set(std::move(held), next);
    return next;
}

task<result<cluster_directory::map_ptr, connect_error>> cluster_directory::ask(executor ex) {
    std::string heard;
    auto code = store_error::unreachable;
    std::optional<std::pair<config::endpoint, view>> doubtful;
    auto const all = known();
    for (auto const& at : all) {
        auto said = co_await ask_one(ex, at);
        if (said && is_up_to_date(*said)) {
            co_return take(at, std::move(*said));
        }
        if (said) {
            if (!doubtful) {
                doubtful.emplace(at, std::move(*said));
            }
            continue;
        }
        code = said.error().code;
        heard += (heard.empty() ? "" : "; ") + at.text() + ": " + said.error().text;
    }
    if (doubtful) {
        co_return take(doubtful->first, std::move(doubtful->second));
    }
    co_return failed(code, "no node of the Cluster tells whose slots are whose (" + heard + ")");
}

task<result<cluster_directory::view, connect_error>> cluster_directory::ask_one(
    executor ex, config::endpoint at) {
    stream on(ex);
    auto const reached = co_await way_.connect(on, at);
    if (!reached) {
        co_return reached.error();
    }
    stream_deadline const limit(on, way_.timeout());
    auto const timed_out = failed(store_error::timeout, "no answer in time");
    auto const us = read_credentials(user_, password_, password_file_);
    if (!us) {
        co_return us.error();
    }
    std::string out;
    auto const greeting = append_greeting(out, *us, "sidecache-cluster");
    append_command(out, "CLUSTER"sv, "INFO"sv);
    append_command(out, "CLUSTER"sv, "SLOTS"sv);
    conversation with(on);
    auto const said = co_await with.say(std::move(out));
    if (!said) {
        co_return limit.passed() ? timed_out : said.error();
    }
    auto const greeted = co_await with.hear_greeting(greeting);
    if (!greeted) {
        co_return limit.passed() ? timed_out : greeted.error();
    }
    auto const info = co_await with.hear();
    if (!info) {
        co_return limit.passed() ? timed_out : info.error();
    }
    auto const slots = co_await with.hear();
    if (!slots) {
        co_return limit.passed() ? timed_out : slots.error();
    }
    for (auto const* reply : {&*info, &*slots}) {
        if (reply->is_error()) {
            co_return failed(store_error::refused, reply->text);
        }
    }
    auto map = parse_slots(*slots, at.host);
    if (!map) {
        co_return failed(store_error::refused, "it knows of no slots");
    }
    co_return view{std::move(*map),
                   number_behind(info->text, "cluster_current_epoch:"),
                   info->text.find("cluster_state:ok") != std::string::npos};
}

}  // namespace sidecache::store
