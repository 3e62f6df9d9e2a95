#include "proxy/store/entry_codec.hpp"

#include "proxy/store/checksum.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <type_traits>

/// A stored entry, version 1. Integers are little-endian, without padding; the body is last and as
/// the client gets it, so that `redis-cli GET` shows it.
///
///     offset size
///          0    4  magic "SCE1", the 1 being the version
///          4    8  XXH3-64 (seed 0) of everything from offset 12 on
///         12    8  fetched_at, Unix ms by the clock of who stored it
///         20    8  ttl, ms from fetched_at
///         28    4  age it arrived with, seconds
///         32    4  status
///         36   16  identity of the server the generations were read from: high, low
///         52    4  size of the full key
///         56    4  number of tags
///         60    4  number of varied fields
///         64    4  size of the head
///         68    4  size of the body
///         72       full key
///                  per tag: size (4), tag, generation (8 high, 8 low)
///                  per varied field: size (4), name, size (4), value
///                  head: status line and field lines, each with its CR LF, no empty line
///                  body
///
/// An entry of key "product:1" with the tag "path:/products/1", no varied field, the head
/// "HTTP/1.1 200 OK\r\n" and the body "{}" has 72 + 9 + (4 + 16 + 16) + 17 + 2 = 136 bytes; the
/// golden test in tests/store/entry_codec_test.cpp holds all of them.
///
/// `scripts/entry_remove.lua` looks for a tag as the bytes "size, tag, generation" and relies on
/// the magic and on the tags lying before the head.
namespace sidecache::store {

namespace {

constexpr std::string_view magic = "SCE1";
constexpr std::size_t magic_without_version = 3;
constexpr std::size_t hashed_from = 12;
constexpr std::size_t fixed_size = 72;

template <class T>
void append(std::string& out, T v) {
    static_assert(std::is_unsigned_v<T>);
    char bytes[sizeof(T)];
    for (auto& b : bytes) {
        b = static_cast<char>(v & 0xFF);
        if constexpr (sizeof(T) > 1) {
            v = static_cast<T>(v >> 8);
        }
    }
    out.append(bytes, sizeof bytes);
}

template <class T>
T load(std::string_view bytes) {
    T v = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
        v = static_cast<T>(v << 8 | static_cast<unsigned char>(bytes[i]));
    }
    return v;
}

void append_sized(std::string& out, std::string_view text) {
    append(out, static_cast<std::uint32_t>(text.size()));
    out += text;
}

/// Takes pieces off the front; every length is checked against what is left.
class cursor {
public:
    explicit cursor(std::string_view bytes) : rest_(bytes) {}
    std::size_t left() const { return rest_.size(); }
    bool take(std::size_t size, std::string_view& out) {
        if (rest_.size() < size) {
            return false;
        }
        out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    template <class T>
    bool take(T& out) {
        if (rest_.size() < sizeof(T)) {
            return false;
        }
        out = load<T>(rest_);
        rest_.remove_prefix(sizeof(T));
        return true;
    }
    bool take_sized(std::string_view& out) {
        std::uint32_t size = 0;
        return take(size) && take(size, out);
    }

private:
    std::string_view rest_;
};

struct counts {
    std::uint32_t key_size = 0;
    std::uint32_t tags = 0;
    std::uint32_t vary = 0;
    std::uint32_t head_size = 0;
    std::uint32_t body_size = 0;
};

bool take_fixed(cursor& at, entry& into, counts& n) {
    std::uint64_t fetched_at = 0;
    std::uint32_t status = 0;
    bool const ok = at.take(fetched_at) && at.take(into.ttl_ms) && at.take(into.initial_age) &&
                    at.take(status) && at.take(into.server.high) && at.take(into.server.low) &&
                    at.take(n.key_size) && at.take(n.tags) && at.take(n.vary) &&
                    at.take(n.head_size) && at.take(n.body_size);
    into.fetched_at = static_cast<unix_ms>(fetched_at);
    into.status = status;
    return ok;
}

bool take_parts(cursor& at, entry& into, counts const& n) {
    if (!at.take(n.key_size, into.full_key)) {
        return false;
    }
    // Each tag takes at least 20 bytes, each field 8: a count that cannot be true is refused
    // before anything is sized by it.
    if (n.tags > at.left() / 20 || n.vary > at.left() / 8) {
        return false;
    }
    into.tags.resize(n.tags);
    for (auto& t : into.tags) {
        if (!at.take_sized(t.tag) || !at.take(t.gen.high) || !at.take(t.gen.low)) {
            return false;
        }
    }
    into.vary.resize(n.vary);
    for (auto& [name, value] : into.vary) {
        if (!at.take_sized(name) || !at.take_sized(value)) {
            return false;
        }
    }
    return at.take(n.head_size, into.head) && at.take(n.body_size, into.body) && at.left() == 0;
}

std::uint64_t hash(std::string_view bytes) {
    return checksum(bytes.substr(hashed_from));
}

/// A clock set back, or another replica's: an entry is never younger than new. Unsigned, since the
/// stored time may be anything.
std::uint64_t resident_ms(unix_ms now, unix_ms fetched_at) {
    return now <= fetched_at
               ? 0
               : static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(fetched_at);
}

}  // namespace

void append_tag_bytes(std::string& out, std::string_view tag, generation gen) {
    append_sized(out, tag);
    append(out, gen.high);
    append(out, gen.low);
}

std::string encode_entry(entry_to_store const& e) {
    auto const tags = e.tags == nullptr ? std::size_t{0} : e.tags->size();
    assert(tags == e.generations.size() && "each tag is stored with its generation");
    std::size_t size = fixed_size + e.full_key.size() + e.head.size() + e.body.size();
    for (std::size_t i = 0; i < tags; ++i) {
        size += 4 + (*e.tags)[i].size() + 16;
    }
    for (auto const& [name, value] : e.vary) {
        size += 8 + name.size() + value.size();
    }

    std::string out;
    out.reserve(size);
    out += magic;
    append(out, std::uint64_t{0});  // the checksum, known at the end
    append(out, static_cast<std::uint64_t>(e.fetched_at));
    append(out, e.ttl_ms);
    append(out, e.initial_age);
    append(out, static_cast<std::uint32_t>(e.status));
    append(out, e.server.high);
    append(out, e.server.low);
    append(out, static_cast<std::uint32_t>(e.full_key.size()));
    append(out, static_cast<std::uint32_t>(tags));
    append(out, static_cast<std::uint32_t>(e.vary.size()));
    append(out, static_cast<std::uint32_t>(e.head.size()));
    append(out, static_cast<std::uint32_t>(e.body.size()));
    out += e.full_key;
    for (std::size_t i = 0; i < tags; ++i) {
        append_tag_bytes(out, (*e.tags)[i], e.generations[i]);
    }
    for (auto const& [name, value] : e.vary) {
        append_sized(out, name);
        append_sized(out, value);
    }
    out += e.head;
    out += e.body;

    std::string checksum;
    append(checksum, hash(out));
    std::copy(checksum.begin(), checksum.end(), out.begin() + magic.size());
    return out;
}

boost::system::error_code decode_entry(held_text bytes, entry& into) {
    std::string_view const all = *bytes;
    if (!all.starts_with(magic.substr(0, magic_without_version))) {
        return entry_error::not_an_entry;
    }
    if (all.size() < magic.size()) {
        return entry_error::truncated;
    }
    if (!all.starts_with(magic)) {
        return entry_error::version;
    }
    if (all.size() < fixed_size) {
        return entry_error::truncated;
    }
    if (load<std::uint64_t>(all.substr(magic.size())) != hash(all)) {
        return entry_error::checksum;
    }
    cursor at(all.substr(hashed_from));
    counts n;
    if (!take_fixed(at, into, n) || !take_parts(at, into, n)) {
        return entry_error::malformed;
    }
    into.bytes = std::move(bytes);
    return {};
}

std::uint64_t entry::age_seconds(unix_ms now) const {
    return initial_age + resident_ms(now, fetched_at) / 1000;
}

std::int64_t entry::ttl_left_ms(unix_ms now) const {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    auto const resident = std::min(resident_ms(now, fetched_at), most);
    return static_cast<std::int64_t>(std::min(ttl_ms, most)) - static_cast<std::int64_t>(resident);
}

}  // namespace sidecache::store
