#pragma once

#include "proxy/store/tag_value.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::store {

/// Which server it is, and in which life (protocol.md section 1): what INFO says of itself.
struct server_identity {
    std::string run_id;
    std::string replid;  // master_replid
    std::string role;
    /// "7.0.15"; no part of the identity.
    std::string version;
    /// "standalone", "cluster"; no part of the identity. Empty: not told.
    std::string mode;

    bool is_primary() const { return role == "master"; }
    /// Under which generations count.
    id128 hash() const;
};

inline constexpr std::string_view unfit_sentinel =
    "this is a Sentinel: write redis+sentinel://HOST,HOST/MASTER-NAME";
/// Whether INFO server is a Sentinel's: it has no replication to tell of.
bool is_sentinel(std::string_view server);

/// From the replies to `INFO server` and `INFO replication`; nullopt when something is missing.
std::optional<server_identity> parse_identity(std::string_view server,
                                              std::string_view replication);

/// Why sidecache cannot use that server whatever its role, for people; empty: it can. `in_cluster`:
/// it was looked for in a Cluster.
std::string why_unfit(server_identity const& who, bool in_cluster);

/// The identities that this process has met, and what follows for a store that it meets now. Any
/// thread.
class identity_memory {
public:
    struct verdict {
        /// Another server was here before: until its longest marker is past nothing is stored.
        bool quarantine = false;
        /// `sidecache:identity` has to be written.
        bool record = false;
    };
    /// `recorded`: the value of `sidecache:identity`, nullopt when there is none. A fresh process
    /// that finds none pays nothing.
    verdict judge(id128 met, std::optional<std::string_view> recorded) const;
    /// The store is ready to be used under that identity: from now on it is the present one.
    void adopt(id128 met);
    /// The present one; another connection may have met a newer server than the caller's.
    std::optional<id128> present() const;

private:
    mutable std::mutex mutex_;
    std::optional<id128> present_;
};

}  // namespace sidecache::store
