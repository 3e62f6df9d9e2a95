#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

/// The one table of metric families (design.md section 3): rendering and the test of the
/// reference in README.md beside this file are both fed from it.
namespace sidecache::telemetry {

enum class family_id : std::uint8_t {
    requests,
    hits,
    request_duration,
    upstream_duration,
    upstream_responses,
    bypass,
    not_stored,
    overloaded,
    purges,
    purged_keys,
    purge_duration,
    purge_ack_wait,
    purges_pending,
    unmatched_mutations,
    rejected_requests,
    fill_locks,
    fill_lock_wait,
    refreshes,
    warmed,
    events,
    events_lag,
    store_commands,
    store_command_duration,
    store_up,
    members,
    store_breaker_open,
    near_bytes,
    near_entries,
    near_limit_bytes,
    near_lease_valid,
    identity,
    identity_key_reloads,
    config_reloads,
    config_last_reload_successful,
    config_info,
    memory_limit,
    process_cpu,
    process_start_time,
    process_resident_memory,
    process_virtual_memory,
    process_open_fds,
    process_max_fds,
    build_info,
};
inline constexpr std::size_t family_count = static_cast<std::size_t>(family_id::build_info) + 1;

enum class family_type : std::uint8_t { counter, gauge, histogram };
std::string_view name(family_type t);

struct family {
    family_id id;
    family_type type;
    std::string_view name;
    std::array<std::string_view, 2> label_names;  // unused ones are empty
    std::string_view help;

    std::span<std::string_view const> labels() const {
        std::size_t const n = label_names[0].empty() ? 0U : (label_names[1].empty() ? 1U : 2U);
        return std::span(label_names).first(n);
    }
};

/// In the order of family_id.
std::span<family const, family_count> families();

}  // namespace sidecache::telemetry
