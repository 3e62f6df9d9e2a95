#pragma once

#include "config/section.hpp"
#include "rules/definition.hpp"

namespace sidecache::config {

/// What `rules` and `purges` say, as far as it can be read.
struct read_definition {
    rules::definition text;
    /// A rule or purge was left out because a part of it that all else rests on is missing or
    /// unreadable: checks across rules would report consequences, not mistakes.
    bool is_complete = true;
};

read_definition read_rules(section& top);

}  // namespace sidecache::config
