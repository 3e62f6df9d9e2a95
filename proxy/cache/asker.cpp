#include "proxy/cache/asker.hpp"

#include "proxy/http/forwarded.hpp"
#include "proxy/http/message.hpp"

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
    seen_.what = told.who ? sight_kind::known : sight_kind::refused;
    seen_.who = std::move(told.who);
    if (seen_.who) {
        view_.identity = seen_.who->variables();
    }
    count(told.how);
}

void asker::count(identity_outcome how) {
    snap_.metrics->identity[static_cast<std::size_t>(how)].add();
}

}  // namespace sidecache::cache
