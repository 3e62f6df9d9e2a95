#pragma once

#include "proxy/async/clock.hpp"
#include "rules/mutation_scope.hpp"

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The value of a tag (protocol.md section 1) and everything that may happen to it, as pure
/// functions. `memory://` runs these; `scripts/tag_*.lua` do the same inside Redis, and one test
/// suite holds both to one behaviour.
///
/// Stored bytes, version 1, one plain string a tag so that a hit reads entry and tags in one MGET:
///
///     GEN [";x" MS] *( ";" KIND MUTATION "@" MS )
///
///     GEN       32 lower-case hex digits: 128 random bits, never reused
///     x MS      only while there are marks: the expiry the tag is owed when the last mark goes,
///               Unix ms by the server's clock
///     KIND      "m" marker | "i" intent
///     MUTATION  32 lower-case hex digits, the mutation's random id
///     MS        deadline, Unix ms by the server's clock, at most 15 digits; past from that
///               millisecond on
///
///     5f0c…e1;x1764000600000;m09ab…77@1764000035000
namespace sidecache::store {

using rules::mark_kind;

/// 128 random bits as a value: a tag's generation, a mutation's id, a lock's token.
struct id128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(id128 const&) const = default;
    std::string hex() const;
    void hex_to(std::string& out) const;
    /// Exactly 32 lower-case hex digits, or nullopt.
    static std::optional<id128> parse(std::string_view hex);
};
using generation = id128;
using mutation_id = id128;

/// Where ids come from; injected, so that tests script it. Any thread for `random_ids`.
class id_source {
public:
    virtual ~id_source() = default;
    virtual id128 next() = 0;
};
/// From the operating system's generator, per-thread state, no lock.
id_source& random_ids();

struct mark {
    mark_kind kind = mark_kind::marker;
    mutation_id mutation;
    unix_ms deadline = 0;
};

struct tag_value {
    generation gen;
    /// Expiry to come back to when the last mark goes; 0: none noted.
    unix_ms keep_until = 0;
    std::vector<mark> marks;
};

/// nullopt: these bytes are not a tag value; whoever reads treats the tag as missing.
std::optional<tag_value> parse_tag(std::string_view bytes);
std::string format_tag(tag_value const& value);

/// What a reader needs to know of a tag, taken from its bytes without an allocation.
struct tag_reading {
    bool present = false;
    bool marker = false;
    generation gen;
    /// The earliest deadline among its intents; max when there is none.
    unix_ms intent_deadline = std::numeric_limits<unix_ms>::max();
    /// How many mutations have a marker on it; 255: as many or more.
    std::uint8_t markers = 0;
};
tag_reading read_tag(std::string_view bytes);
tag_reading read_tag(tag_value const& value);

/// Whether a mutation other than `own` has a marker on it.
bool has_other_marker(tag_value const& value, mutation_id own);

/// A value and its expiry, as the store keeps it. expires_at 0: no expiry.
struct stored_tag {
    tag_value value;
    unix_ms expires_at = 0;
};

/// Creates a missing tag with `fresh`, sweeps marks past their deadline (then it takes `fresh`
/// too), and makes it live at least until now + `keep`. Leaves a marked tag without expiry.
stored_tag snapshot_tag(std::optional<stored_tag> before,
                        generation fresh,
                        unix_ms now,
                        std::chrono::milliseconds keep);

/// Sets a mutation's mark with its deadline at now + `life`, replacing an own earlier one (a
/// marker is never weakened to an intent); creates and sweeps as `snapshot_tag`; takes the expiry
/// away and notes it.
stored_tag begin_tag(std::optional<stored_tag> before,
                     generation fresh,
                     unix_ms now,
                     mutation_id mutation,
                     mark_kind kind,
                     std::chrono::milliseconds life,
                     std::chrono::milliseconds keep);

enum class end_action : char {
    bump = 'b',       ///< changed: new generation, the mark goes
    clear = 'c',      ///< nothing changed: the mark goes, the generation stays
    bump_keep = 'k',  ///< unknown outcome or `settle`: new generation, and a marker stays
};

struct ended_tag {
    stored_tag after;
    /// The mutation's own mark was still there, and not past its deadline.
    bool had_mark = false;
};
/// `life`: for `bump_keep`, the marker's new deadline is now + life where that is later than the
/// mark's own, and the mark becomes a marker. When the last mark goes the expiry comes back: the
/// later of what had been noted and now + `keep`.
ended_tag end_tag(std::optional<stored_tag> before,
                  generation fresh,
                  unix_ms now,
                  mutation_id mutation,
                  end_action action,
                  std::chrono::milliseconds life,
                  std::chrono::milliseconds keep);

}  // namespace sidecache::store
