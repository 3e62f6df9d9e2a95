#include "proxy/store/identity.hpp"

#include <algorithm>
#include <charconv>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::store {

namespace {

/// The value of a line `name:value` of INFO.
std::string_view info_field(std::string_view info, std::string_view name) {
    while (!info.empty()) {
        auto const end = std::min(info.find('\n'), info.size());
        auto line = info.substr(0, end);
        info.remove_prefix(std::min(end + 1, info.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

}  // namespace

id128 server_identity::hash() const {
    auto const text = run_id + "\n" + replid + "\n" + role;
    auto const h = XXH3_128bits(text.data(), text.size());
    return {h.high64, h.low64};
}

std::optional<server_identity> parse_identity(std::string_view server,
                                              std::string_view replication) {
    server_identity id;
    id.run_id = info_field(server, "run_id");
    id.version = info_field(server, "redis_version");
    id.mode = info_field(server, "redis_mode");
    id.replid = info_field(replication, "master_replid");
    id.role = info_field(replication, "role");
    if (id.run_id.empty() || id.replid.empty() || id.role.empty()) {
        return std::nullopt;
    }
    return id;
}

bool is_sentinel(std::string_view server) {
    return info_field(server, "redis_mode") == "sentinel";
}

std::string why_unfit(server_identity const& who, bool in_cluster) {
    if (who.mode == "cluster" && !in_cluster) {
        return "this is a node of a Redis Cluster: write redis+cluster://HOST,HOST";
    }
    if (who.mode != "cluster" && in_cluster) {
        return "this is no node of a Redis Cluster: write redis://HOST";
    }
    int major = 0;
    int minor = 0;
    auto const* const end = who.version.data() + who.version.size();
    auto const [dot, error] = std::from_chars(who.version.data(), end, major);
    if (error == std::errc{} && dot != end) {
        std::from_chars(dot + 1, end, minor);
    }
    if (major < 6 || (major == 6 && minor < 2)) {
        return "Redis " + who.version + " is too old: 6.2 or later is needed";
    }
    return {};
}

identity_memory::verdict identity_memory::judge(id128 met,
                                                std::optional<std::string_view> recorded) const {
    auto const hex = met.hex();
    std::scoped_lock const guard(mutex_);
    bool const seen_another = present_.has_value() && *present_ != met;
    bool const names_another = recorded.has_value() && *recorded != hex;
    return {seen_another || names_another, !recorded.has_value() || names_another};
}

void identity_memory::adopt(id128 met) {
    std::scoped_lock const guard(mutex_);
    present_ = met;
}

std::optional<id128> identity_memory::present() const {
    std::scoped_lock const guard(mutex_);
    return present_;
}

}  // namespace sidecache::store
