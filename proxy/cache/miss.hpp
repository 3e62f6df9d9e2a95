#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/asker.hpp"
#include "proxy/cache/hit.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/request_account.hpp"
#include "proxy/cache/reuse.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"
#include "rules/decision.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sidecache::cache {

/// What a request has learnt so far and the buffers that it borrowed. Reused from request to
/// request; one at a time.
struct lookup {
    rules::decision wanted;
    store::entry entry;
    std::string head;
    /// Nullopt: the store did not answer.
    std::optional<store::reading> reading;
    validity why = validity::absent;
    /// What `entry` is worth to this request, by time and by what it asks.
    answerable use;
    /// What its Cache-Control asks, where the rule obeys it.
    rules::http_cache::request_directives directives;
    /// Content that had to be made: several parts of a body.
    std::string content;
    unix_ms now = 0;
    /// A purge that the store has not had yet covered the tags before they were read.
    bool pending_purge = false;
    /// Of a miss: whose identity the key holds.
    cache::caller caller;
};

/// Now, as a judgement needs it.
moment now_for(snapshot const& snap, bool pending_purge);

/// An entry as `render_answer` takes it.
stored_response view_of(store::entry const& e, unix_ms now);

/// The look-up in two halves, around `store.read`: no coroutine of their own on the hit path.
/// Before: whether a purge that the store has not had yet covers the tags. It has to be asked
/// before the read is sent (see pending_purges).
void before_read(worker_parts const& parts, lookup& at);
/// After: judges what was read; `at.use` says whether `at.entry` answers the request, `at.why` why
/// not.
void after_read(result<store::reading> reading,
                snapshot const& snap,
                http::downstream const& client,
                lookup& at);

/// The second look, for a request that the entry under the plain key was not selected for
/// (`validity::vary`): turns `at.wanted` to its variant and reads that one's key, in the same two
/// halves. Does nothing for a request that is turned already. REQUIRES: `at.entry` is the entry
/// that was judged. `parts`, `snap`, `client` and `at` outlive the call.
task<void> look_up_variant(worker_parts const& parts,
                           snapshot const& snap,
                           http::downstream const& client,
                           lookup& at);

/// The second look at an entry that belongs to groups (`validity::groups`): reads it again with
/// their tags, which are in `at.wanted` from then on. What has come to belong to others meanwhile
/// is a miss. REQUIRES as above.
task<void> look_up_groups(worker_parts const& parts,
                          snapshot const& snap,
                          http::downstream const& client,
                          lookup& at);

/// Renders the answer of a hit into `at.head`, and says what to send with it: where it lies in
/// the entry, none for HEAD.
prepared_answer render_hit(http::downstream const& client, lookup& at);

/// Fetches the entry anew behind the back of its clients, who are served what is stale meanwhile
/// (RFC 5861 section 3): once, bounded, and never past a purge (background_fill.hpp). `at` is what
/// was served.
void revalidate_behind(worker_parts const& parts,
                       std::shared_ptr<snapshot const> const& snap,
                       http::downstream const& client,
                       lookup const& at,
                       cache::caller const& who);

/// Answers a request whose entry is not valid: joins a fill, becomes one, or goes to the upstream
/// by itself (protocol.md section 2). A HEAD is passed on and never stored.
task<void> answer_miss(worker_parts const& parts,
                       std::shared_ptr<snapshot const> snap,
                       http::downstream& client,
                       lookup& at,
                       request_account& account);

}  // namespace sidecache::cache
