#pragma once

#include "config/init/api.hpp"
#include "config/init/route_shape.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// Rules and purges for an API, as a person would begin to write them. Pure: the same API gives the
/// same proposal.
namespace sidecache::config::init {

struct proposed_variable {
    std::string name;
    std::string from;  // "query.page", "body.ids[*]"
    std::optional<std::string> fallback;
};

inline constexpr std::size_t no_step = static_cast<std::size_t>(-1);

/// One part of a key between ':'.
struct key_part {
    std::string literal;         // or
    std::string variable;        // a variable's name
    std::size_t step = no_step;  // of its route, which it comes from
};

struct proposed_rule {
    std::size_t operation = 0;  // an index into the API's
    route_shape shape;
    std::string name;
    std::vector<key_part> path_part;  // of the key: what the path names
    std::vector<key_part> rest;       // ... and what parameters do
    std::vector<proposed_variable> vars;
    std::string ttl;
    std::string lock_key;  // empty: none
    bool is_public = false;
    bool is_own = false;  // about who asks
    bool includes_query = false;
    bool is_bounded = false;  // clients can make up keys without end
    bool is_ttl_only = false;
    std::vector<std::string> notes;

    std::string key() const;
};

struct proposed_purge {
    std::vector<std::size_t> operations;
    std::string name;
    std::vector<std::string> on;
    std::vector<proposed_variable> vars;
    std::vector<std::string> patterns;
    std::vector<std::string> notes;
};

/// A route for which nothing is proposed, and why.
struct left_out {
    std::size_t operation = 0;
    std::string why;
};

struct proposal {
    std::vector<proposed_rule> rules;  // what is more special comes first
    std::vector<proposed_purge> purges;
    bool has_writes = false;  // the API has any
    std::vector<left_out> reads;
    std::vector<left_out> writes;
};

proposal propose(api const& all);

/// The two halves of it.
void propose_rules(api const& all, std::size_t skip, proposal& out);
void propose_purges(api const& all, std::size_t skip, proposal& out);

/// A name that is not among `taken` yet, and is from now on.
std::string unique_name(std::string const& wanted, std::vector<std::string>& taken);

}  // namespace sidecache::config::init
