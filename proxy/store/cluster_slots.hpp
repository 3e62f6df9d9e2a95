#pragma once

#include "config/model.hpp"
#include "proxy/store/resp_tree.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which node of a Redis Cluster has which keys (Redis Cluster specification). Pure.
namespace sidecache::store {

inline constexpr std::size_t slot_count = 16'384;

/// The slot of a key: CRC16 (XMODEM) modulo 16384 of what stands between its first `{` and the next
/// `}`, or of the whole key where that is nothing or is not there.
std::uint16_t key_slot(std::string_view key) noexcept;

/// Who owns which slot, as one node of the Cluster sees it. A value.
class slot_map {
public:
    slot_map() : owner_of_(slot_count, nobody) {}

    /// Null: nobody, as far as is known.
    config::endpoint const* owner(std::uint16_t slot) const {
        auto const i = owner_of_[slot % slot_count];
        return i == nobody ? nullptr : &primaries_[i];
    }
    /// Those who own something, each once, in order.
    std::vector<config::endpoint> owners() const;
    std::vector<config::endpoint> const& replicas() const { return replicas_; }

    void set_owner(std::uint16_t first, std::uint16_t last, config::endpoint const& at);
    void add_replica(config::endpoint at) { replicas_.push_back(std::move(at)); }

    /// Whether every slot has the same owner in both.
    bool has_same_owners(slot_map const& other) const;

private:
    static constexpr std::uint16_t nobody = 0xffff;
    std::vector<std::uint16_t> owner_of_;
    std::vector<config::endpoint> primaries_;
    std::vector<config::endpoint> replicas_;
};

/// From the reply to CLUSTER SLOTS, which every version has. A node that does not know its own name
/// sends none: then it is `asked`'s. nullopt: not what the command promises, or no slots at all.
std::optional<slot_map> parse_slots(resp_tree const& reply, std::string const& asked);

/// What an error of a node means for whoever asked it.
struct redirection {
    enum class kind : std::uint8_t {
        none,   ///< an error like any other
        moved,  ///< the slot is another node's: ask there, from now on
        ask,    ///< the slot is on its way: ask there, this once, behind ASKING
        later,  ///< nothing was done, and in a moment it may be (TRYAGAIN, CLUSTERDOWN, LOADING)
    };
    kind what = kind::none;
    std::uint16_t slot = 0;
    config::endpoint to;
};
redirection parse_redirection(std::string_view error, std::string const& asked);

}  // namespace sidecache::store
