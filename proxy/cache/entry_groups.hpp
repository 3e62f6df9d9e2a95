#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/fill_ground.hpp"
#include "proxy/store/entry_codec.hpp"
#include "rules/tag.hpp"

#include <span>
#include <string_view>
#include <vector>

/// Tags that only a response tells: its groups (RFC 9875, rules/http_cache/groups.hpp).
///
/// A request does not know them, so who finds an entry with groups reads their tags behind it, and
/// judges again by all of them: later than the entry, which only makes the judgement newer.
///
/// A fill does not know them either when it takes its snapshot. A group that was invalidated
/// between its snapshot and the response has its new generation already, and what the backend had
/// read before would be stored under it. Hence one tag for all groups, `any_group`: the snapshot
/// holds it, whoever invalidates a group bumps it with the group, *with a marker on both set
/// before* (mutation_end.cpp, bump.cpp), and a fill reads its groups' generations first and that
/// tag again afterwards. As it was, and without a marker: no bump of a group had begun when the
/// generations were read, so they are those of the snapshot's time. Anything else: not stored, and
/// not shared. Nothing but fills of responses with groups depends on it.
///
/// Who has joined a fill may have come after such a bump, which his own tags do not show: before he
/// takes a response with groups he reads their tags himself.
namespace sidecache::cache {

/// Whether an entry belongs to a group whose tag is not among those.
bool has_other_groups(store::entry const& e, rules::tag_list const& tags);

/// Adds the tags of its groups, as far as they are not there.
void add_groups(rules::tag_list& to, store::entry const& e);

/// What an entry is stored under.
struct entry_tags {
    /// The request's, without groups of an older entry, and the response's groups.
    rules::tag_list tags;
    std::vector<store::generation> generations;  // one a tag; zero without a snapshot
    /// False: a group may have been invalidated since the snapshot. For its own client only.
    bool stands = true;
};

/// Asks the store where the response has groups, and only then. Everything outlives the call.
task<entry_tags> tags_of_entry(worker_parts const& parts,
                               fill_order const& order,
                               fill_ground const& ground,
                               std::span<rules::field const> response);

/// Whether no group of a response that somebody else has fetched was invalidated before this call.
/// True, and nobody is asked, where it has none. Everything outlives the call.
task<bool> groups_stand(worker_parts const& parts, store::entry const& e, std::string_view key);

}  // namespace sidecache::cache
