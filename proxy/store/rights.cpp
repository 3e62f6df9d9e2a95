#include "proxy/store/rights.hpp"

#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"

#include <array>

namespace sidecache::store {

namespace {

/// A command, and what follows its key.
struct tried {
    std::string_view command;
    std::string_view what;  // the type of key: text, hash, zset; "": none at all
    std::array<std::string_view, 3> rest{};
};

/// Those of our own and those inside our scripts. Keys are made here and unlinked at the end; DEL
/// goes with UNLINK.
constexpr auto all = std::to_array<tried>({
    {"SET", "text", {"1", "PX", "1000"}},
    {"GET", "text"},
    {"MGET", "text"},
    {"GETRANGE", "text", {"0", "1"}},
    {"EXISTS", "text"},
    {"PTTL", "text"},
    {"PEXPIRE", "text", {"1000"}},
    {"HSET", "hash", {"f", "v"}},
    {"PEXPIRE", "hash", {"1000"}},  // should we not get to its end
    {"HGET", "hash", {"f"}},
    {"HGETALL", "hash"},
    {"HDEL", "hash", {"f"}},
    {"ZADD", "zset", {"1", "m"}},
    {"PEXPIRE", "zset", {"1000"}},
    {"ZRANGE", "zset", {"0", "0"}},
    {"ZRANGEBYSCORE", "zset", {"0", "0"}},
    {"ZSCORE", "zset", {"m"}},
    {"ZCARD", "zset"},
    {"ZCOUNT", "zset", {"0", "0"}},
    {"ZREM", "zset", {"m"}},
    {"DEL", "hash"},
    {"UNLINK", "text"},
    {"TIME", ""},
    {"EVALSHA", "", {"0000000000000000000000000000000000000000", "0"}},
    {"SCRIPT", "", {"LOAD", "return 1"}},
    // A channel of nobody's: every member's own is longer.
    {"PUBLISH", "", {"sidecache:acks:0", ""}},
});

}  // namespace

std::size_t rights_probe_size() {
    return all.size();
}

void append_rights_probe(std::string& out, std::string_view nonce) {
    for (auto const& t : all) {
        std::size_t words = 1 + (t.what.empty() ? 0 : 1);
        for (auto const& word : t.rest) {
            words += word.data() == nullptr ? 0 : 1;
        }
        start_command(out, words);
        append_word(out, t.command);
        if (!t.what.empty()) {
            std::string const key = std::string(names::rights) + std::string(nonce) + ":";
            append_word(out, key, t.what);
        }
        for (auto const& word : t.rest) {
            if (word.data() != nullptr) {
                append_word(out, word);
            }
        }
    }
}

std::string missing_right(std::size_t i, std::string_view error) {
    if (!error.starts_with("NOPERM")) {
        return {};
    }
    std::string out = "the user may not do what sidecache has to (";
    out += all.at(i).command;
    out += "; config/redis.md lists what it needs): ";
    return out.append(error);
}

}  // namespace sidecache::store
