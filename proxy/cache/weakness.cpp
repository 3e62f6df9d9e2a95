#include "proxy/cache/weakness.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#ifndef SIDECACHE_WEAKENED
#error "this file is part of sidecache_weakened only"
#endif

namespace sidecache::cache {

namespace {

constexpr std::array<std::pair<std::string_view, weakness>, 16> names{{
    {"none", weakness::none},
    {"no_marker", weakness::no_marker},
    {"purge_only_before", weakness::purge_only_before},
    {"no_bump", weakness::no_bump},
    {"unknown_is_unchanged", weakness::unknown_is_unchanged},
    {"forward_while_down", weakness::forward_while_down},
    {"ignore_markers", weakness::ignore_markers},
    {"ignore_generations", weakness::ignore_generations},
    {"ignore_server", weakness::ignore_server},
    {"late_snapshot", weakness::late_snapshot},
    {"tell_nobody", weakness::tell_nobody},
    {"wait_for_nobody", weakness::wait_for_nobody},
    {"keep_dropped", weakness::keep_dropped},
    {"ignore_lease", weakness::ignore_lease},
    {"insert_blindly", weakness::insert_blindly},
    {"careless_join", weakness::careless_join},
}};

weakness chosen() {
    char const* const text = std::getenv("SIDECACHE_WEAKNESS");
    for (auto const& [name, w] : names) {
        if (text != nullptr && name == text) {
            return w;
        }
    }
    std::fprintf(stderr, "sidecache_weakened: SIDECACHE_WEAKNESS names no weakness\n");
    std::exit(2);
}

}  // namespace

bool weakened(weakness w) {
    static weakness const mine = chosen();
    return w == mine;
}

}  // namespace sidecache::cache
