#pragma once

#include "config/init/api.hpp"
#include "config/init/references.hpp"

#include <set>
#include <string>
#include <vector>

namespace sidecache::config::init {

/// What `security` and the security schemes of a file say: who sends which credential where.
class security_reader {
public:
    security_reader(yaml_node const& root, references& refs);

    /// Sets `caller` and `unseen` of an operation whose mapping is `node`.
    void apply(yaml_node const& node, operation& o);

    /// The schemes that operations have named, for people: "bearerAuth (http bearer)".
    std::vector<std::string> used() const { return {used_.begin(), used_.end()}; }

private:
    void require(std::string const& scheme, operation& o);

    yaml_node const& root_;
    references& refs_;
    yaml_node const* schemes_;
    std::set<std::string> used_;
};

}  // namespace sidecache::config::init
