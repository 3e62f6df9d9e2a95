#pragma once

#include "rules/pattern.hpp"
#include "rules/tag.hpp"
#include "rules/unify.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules {

/// Which pattern tags the entries of one rule carry. A tag is a pattern whose values stand in it,
/// so that it consists of the key's own segments, some of them replaced by '*'. Immutable once
/// built; any thread.
class tag_plan {
public:
    /// One tag, as a function of a key's segments.
    struct tag_template {
        std::uint64_t copied = 0;  ///< bit i: the key's segment i; otherwise '*'
        std::size_t segments = 0;
        bool rest = false;
        /// Carried when one of these lists is fulfilled; an empty list always is.
        std::vector<std::vector<condition>> alternatives;

        bool is_carried(std::span<std::string_view const> key) const;
        void render_to(std::string& out, std::span<std::string_view const> key) const;
    };

    /// Adds what a pattern's unification with the rule's key says. Precondition: `reach::some`.
    void add(pattern const& p, unification const& u);

    /// Adds the tags of a key, given as its segments.
    void append(tag_list& out, std::span<std::string_view const> key) const;

    std::vector<tag_template> const& templates() const { return templates_; }

private:
    std::vector<tag_template> templates_;
};

}  // namespace sidecache::rules
