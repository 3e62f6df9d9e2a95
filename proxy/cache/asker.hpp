#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/identity/verifier.hpp"
#include "rules/request.hpp"

#include <memory>

namespace sidecache::http {
struct request_head;
}

namespace sidecache::cache {

/// Who made a request, for whoever has to know later whether he still is that.
struct caller {
    std::shared_ptr<identity::verified const> who;  // null: it does not matter
    rules::credential_hash of{};
};

/// Whether a request's caller, asked about now, still has the variables that he had. True where he
/// cannot have changed. `parts`, `snap`, `asked` and `was` outlive the call.
task<bool> is_still(worker_parts const& parts,
                    snapshot const& snap,
                    http::request_head const& asked,
                    caller const& was);

/// Who asks, in the life of one request: what is known at once, and finding out the rest. A value
/// in the request's frame. One worker only.
class asker {
public:
    /// Looks, and waits for nothing. `snap` and `head` outlive it.
    asker(snapshot const& snap, http::request_head const& head);
    asker(asker const&) = delete;
    asker& operator=(asker const&) = delete;

    /// The request as rules look at it, with what is verified of its caller.
    rules::request const& request() const { return view_; }
    /// Null: nobody verified.
    std::shared_ptr<identity::verified const> const& who() const { return seen_.who; }

    /// Whether verifying could tell more.
    bool is_unknown() const { return seen_.what == identity::sighting::kind::unknown; }
    /// Finds out, once. REQUIRES: is_unknown().
    task<void> verify(worker_parts const& parts);

    /// Whether what is known may no longer be so: for a write, whose purges must be bound by who
    /// makes it now.
    bool may_have_changed() const;
    /// Finds out anew. REQUIRES: may_have_changed().
    task<void> verify_again(worker_parts const& parts);
    /// After a write that may have changed who its caller is.
    void forget() const;

    /// What a fill has to confirm before others share what it fetched.
    cache::caller caller() const;

private:
    void count(telemetry::identity_outcome how);
    void take(std::shared_ptr<identity::verified const> who);

    snapshot const& snap_;
    http::request_head const& head_;
    std::string_view host_;
    rules::request view_;
    identity::sighting seen_;
};

}  // namespace sidecache::cache
