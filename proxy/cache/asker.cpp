#include "proxy/cache/asker.hpp"

#include "proxy/http/forwarded.hpp"
#include "proxy/http/message.hpp"

#include <algorithm>
#include <cassert>

namespace sidecache::cache {

using sight_kind = identity::sighting::kind;
using telemetry::identity_outcome;

asker::asker(snapshot const& snap, http::request_head const& head)
    : snap_(snap),
      head_(head),
      host_(http::host_of(head, snap.config->upstream)),
      view_(head.view()) {
    if (!snap.identities || !snap.config->rules->asks_for_identity()) {
        return;
    }
    seen_ = snap.identities->look(view_, host_, boot_clock::now());
    if (seen_.what == sight_kind::known) {
        view_.identity = seen_.who->variables();
        count(identity_outcome::cached);
    } else if (seen_.what == sight_kind::refused) {
        count(identity_outcome::refused);
    }
}

task<void> asker::verify(worker_parts const& parts) {
    assert(is_unknown() && "what is known is not asked again");
    identity::asking const from{parts.ex, parts.background, parts.upstream};
    auto told = co_await snap_.identities->verify(from, head_, host_, seen_.of);
    take(std::move(told.who));
    count(told.how);
}

bool asker::may_have_changed() const {
    return seen_.what == sight_kind::known && !snap_.identities->is_fixed();
}

task<void> asker::verify_again(worker_parts const& parts) {
    assert(may_have_changed() && "a caller who is known, and may be another one by now");
    auto told = co_await snap_.identities->ask_again(parts.upstream, head_, host_, seen_.of);
    take(std::move(told.who));
    count(told.how);
}

void asker::forget() const {
    if (snap_.identities && seen_.what != sight_kind::nobody) {
        snap_.identities->forget(seen_.of);
    }
}

caller asker::caller() const {
    if (!seen_.who || snap_.identities->is_fixed()) {
        return {};
    }
    return {seen_.who, seen_.of};
}

void asker::take(std::shared_ptr<identity::verified const> who) {
    seen_.what = who ? sight_kind::known : sight_kind::refused;
    seen_.who = std::move(who);
    view_.identity.reset();
    if (seen_.who) {
        view_.identity = seen_.who->variables();
    }
}

void asker::count(identity_outcome how) {
    snap_.metrics->identity[static_cast<std::size_t>(how)].add();
}

task<bool> is_still(worker_parts const& parts,
                    snapshot const& snap,
                    http::request_head const& asked,
                    caller const& was) {
    if (!was.who) {
        co_return true;
    }
    auto const host = http::host_of(asked, snap.config->upstream);
    auto const told = co_await snap.identities->ask_again(parts.upstream, asked, host, was.of);
    auto const same = [](rules::field const& a, rules::field const& b) {
        return a.name == b.name && a.value == b.value;
    };
    bool const is_same =
        told.who && std::ranges::equal(told.who->variables(), was.who->variables(), same);
    auto const how = is_same ? identity_outcome::confirmed : identity_outcome::unconfirmed;
    snap.metrics->identity[static_cast<std::size_t>(how)].add();
    co_return is_same;
}

}  // namespace sidecache::cache
