#include "proxy/store/cluster_slots.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <tuple>
#include <utility>

namespace sidecache::store {

namespace {

/// More nodes than anybody runs (1000 is what the specification aims at).
constexpr std::size_t most_primaries = 16'384;

constexpr std::array<std::uint16_t, 256> make_crc_table() {
    std::array<std::uint16_t, 256> table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        unsigned crc = i << 8U;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
        }
        table[i] = static_cast<std::uint16_t>(crc & 0xffffU);
    }
    return table;
}
constexpr auto crc_table = make_crc_table();

std::uint16_t crc16(std::string_view bytes) noexcept {
    unsigned crc = 0;
    for (auto const c : bytes) {
        crc = ((crc << 8U) & 0xffffU) ^
              crc_table[((crc >> 8U) ^ static_cast<unsigned char>(c)) & 0xffU];
    }
    return static_cast<std::uint16_t>(crc);
}

template <class Number>
std::optional<Number> number_of(std::string_view digits, Number most) {
    Number n = 0;
    auto const* const begin = digits.data();
    auto const* const end = begin + digits.size();
    auto const [stop, error] = std::from_chars(begin, end, n);
    if (digits.empty() || error != std::errc{} || stop != end || n > most) {
        return std::nullopt;
    }
    return n;
}

std::optional<std::uint16_t> slot_of(std::int64_t n) {
    return n >= 0 && n < static_cast<std::int64_t>(slot_count)
               ? std::optional(static_cast<std::uint16_t>(n))
               : std::nullopt;
}

/// [host, port, id, ...].
std::optional<config::endpoint> node_of(resp_tree const& t, std::string const& asked) {
    if (t.items.size() < 2 || t.items[1].number <= 0 ||
        t.items[1].number > std::numeric_limits<std::uint16_t>::max()) {
        return std::nullopt;
    }
    auto const& host = t.items[0].text;
    // "?": it has no name that it would give away.
    return config::endpoint{host.empty() || host == "?" ? asked : host,
                            static_cast<std::uint16_t>(t.items[1].number)};
}

}  // namespace

std::uint16_t key_slot(std::string_view key) noexcept {
    auto const open = key.find('{');
    if (open != std::string_view::npos) {
        auto const close = key.find('}', open + 1);
        if (close != std::string_view::npos && close != open + 1) {
            key = key.substr(open + 1, close - open - 1);
        }
    }
    return static_cast<std::uint16_t>(crc16(key) % slot_count);
}

std::vector<config::endpoint> slot_map::owners() const {
    std::vector<bool> owns(primaries_.size());
    for (auto const i : owner_of_) {
        if (i != nobody) {
            owns[i] = true;
        }
    }
    std::vector<config::endpoint> out;
    for (std::size_t i = 0; i < owns.size(); ++i) {
        if (owns[i]) {
            out.push_back(primaries_[i]);
        }
    }
    std::sort(out.begin(), out.end(), [](auto const& a, auto const& b) {
        return std::tie(a.host, a.port) < std::tie(b.host, b.port);
    });
    return out;
}

void slot_map::set_owner(std::uint16_t first, std::uint16_t last, config::endpoint const& at) {
    auto const known = std::find(primaries_.begin(), primaries_.end(), at);
    auto const i = static_cast<std::size_t>(known - primaries_.begin());
    if (known == primaries_.end()) {
        if (primaries_.size() >= most_primaries) {
            return;
        }
        primaries_.push_back(at);
    }
    for (std::size_t slot = first; slot <= last && slot < slot_count; ++slot) {
        owner_of_[slot] = static_cast<std::uint16_t>(i);
    }
}

bool slot_map::has_same_owners(slot_map const& other) const {
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
        auto const* const a = owner(static_cast<std::uint16_t>(slot));
        auto const* const b = other.owner(static_cast<std::uint16_t>(slot));
        if ((a == nullptr) != (b == nullptr) || (a != nullptr && !(*a == *b))) {
            return false;
        }
    }
    return true;
}

std::optional<slot_map> parse_slots(resp_tree const& reply, std::string const& asked) {
    if (!reply.is_array() || reply.items.empty()) {
        return std::nullopt;
    }
    slot_map map;
    for (auto const& range : reply.items) {
        if (range.items.size() < 3) {
            return std::nullopt;
        }
        auto const first = slot_of(range.items[0].number);
        auto const last = slot_of(range.items[1].number);
        auto const primary = node_of(range.items[2], asked);
        if (!first || !last || *first > *last || !primary) {
            return std::nullopt;
        }
        map.set_owner(*first, *last, *primary);
        for (std::size_t i = 3; i < range.items.size(); ++i) {
            if (auto replica = node_of(range.items[i], asked)) {
                map.add_replica(std::move(*replica));
            }
        }
    }
    return map;
}

redirection parse_redirection(std::string_view error, std::string const& asked) {
    redirection out;
    auto const space = error.find(' ');
    auto const word = error.substr(0, space);
    if (word == "TRYAGAIN" || word == "CLUSTERDOWN" || word == "LOADING" || word == "MASTERDOWN") {
        out.what = redirection::kind::later;
        return out;
    }
    if ((word != "MOVED" && word != "ASK") || space == std::string_view::npos) {
        return out;
    }
    // "MOVED 3999 127.0.0.1:6381"; the port stands behind the last colon, whatever the address.
    auto rest = error.substr(space + 1);
    auto const next = rest.find(' ');
    auto const slot = number_of<std::uint16_t>(rest.substr(0, next), slot_count - 1);
    if (!slot || next == std::string_view::npos) {
        return out;
    }
    rest.remove_prefix(next + 1);
    auto const colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        return out;
    }
    auto const port =
        number_of<std::uint16_t>(rest.substr(colon + 1), std::numeric_limits<std::uint16_t>::max());
    if (!port || *port == 0) {
        return out;
    }
    auto const host = rest.substr(0, colon);
    out.what = word == "ASK" ? redirection::kind::ask : redirection::kind::moved;
    out.slot = *slot;
    out.to = {host.empty() || host == "?" ? asked : std::string(host), *port};
    return out;
}

}  // namespace sidecache::store
