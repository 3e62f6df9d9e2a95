#pragma once

#include "config/init/api.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// A path as a chain of resources: `/organizations/{orgId}/products` is an organization, and below
/// it products.
namespace sidecache::config::init {

/// A word of the path, with the variable that stands behind it.
struct step {
    std::string word;      // "products"; what a variable alone is named after otherwise
    std::string kind;      // what it is one of: words of one kind are the same resource
    std::string variable;  // empty: there is none
    bool has_variable() const { return !variable.empty(); }
};

/// How purges call each of the ids that a body names; no path has a variable of that name.
inline constexpr char bulk_variable[] = "eachId";

struct route_shape {
    std::string path;         // as templates are written: "/products/{id}"
    std::vector<step> steps;  // without what all paths begin with
    std::string problem;      // why no template can match it; empty: one can
};

/// How many segments all paths begin with: those of the base path, then `api` and versions.
std::size_t shared_segments(api const& all);

/// `skip`: segments that are no resource.
route_shape shape_of_path(std::string_view path, std::size_t skip);

/// The steps up to `i`, in one text: equal for paths of the same resources, however their variables
/// are named. `with_variable`: whether the last one's counts.
std::string signature(std::vector<step> const& steps, std::size_t i, bool with_variable);

}  // namespace sidecache::config::init
