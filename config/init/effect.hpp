#pragma once

#include "config/init/api.hpp"
#include "config/init/route_shape.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a write is likely to change, told from its method, its path and the names in its body.
namespace sidecache::config::init {

/// What is known of an API from all its paths together.
class catalog {
public:
    catalog(api const& all, std::size_t skip);

    /// Whether somebody reads there, or there are items: no verb such as `publish`.
    bool is_resource(std::vector<step> const& steps) const;
    /// Whether what stands at step `i` is a list of things of their own, not a part of what is
    /// above.
    bool is_collection(std::vector<step> const& steps, std::size_t i) const;

    /// Whether there are things of that kind with a variable of their own anywhere.
    bool has_items(std::string const& kind) const { return kinds_.contains(kind); }

private:
    std::set<std::string> read_;     // signatures of GET routes
    std::set<std::string> lists_;    // ... of what has items below, without their variable
    std::set<std::string> written_;  // ... of what is POSTed to
    std::set<std::string> kinds_;    // of lists, wherever they are
};

/// Things of one kind that change.
struct change {
    enum class what : std::uint8_t {
        items,    ///< one (or, without a name for it, all), and what is below
        parent,   ///< one, but for the lists below that have nothing to do with it
        lists,    ///< wherever things of that kind are listed
        document  ///< what is read at just these steps
    };
    what of = what::items;
    std::string kind;
    /// items, parent: the variable that names it; empty: any.
    std::string named_by;
    /// parent: the kind below it that changed.
    std::string because_of;
    /// document: its signature.
    std::string at;
};

struct effect {
    enum class sort : std::uint8_t { created, changed, part, action, bulk, question, nothing };
    sort what = sort::nothing;
    std::vector<change> changes;
    std::string subject;    // "product": for people
    std::string bulk_from;  // "body.ids[*]": where the ids of a bulk write stand
};

effect effect_of(operation const& o, std::vector<step> const& steps, catalog const& known);

}  // namespace sidecache::config::init
