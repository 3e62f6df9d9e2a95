#pragma once

#include "proxy/store/cluster_slots.hpp"
#include "proxy/store/resp_reader.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/scripts.hpp"
#include "proxy/store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::store {

/// Commands of one operation on keys that may lie anywhere in a Cluster, each on one key. They are
/// written for whoever turns out to have that key; what goes to one node goes in order.
class cluster_batch {
public:
    /// Each returns the command's place among the replies. `words`: the whole command.
    template <class... Words>
    std::size_t add(std::string_view key, Words const&... words) {
        std::string text;
        append_command(text, words...);
        return add_text(key, std::move(text));
    }
    /// A command as it goes out (resp_writer.hpp).
    std::size_t add_text(std::string_view key, std::string text) {
        commands_.push_back({key_slot(key), std::nullopt, std::move(text)});
        return commands_.size() - 1;
    }
    template <class... Words>
    std::size_t add_script(script what, std::string_view key, Words const&... arguments) {
        std::string text;
        append_word(text, std::string_view("1"));
        append_word(text, key);
        (append_word(text, arguments), ...);
        commands_.push_back({key_slot(key), call{what, 4 + sizeof...(arguments)}, std::move(text)});
        return commands_.size() - 1;
    }

    std::size_t size() const { return commands_.size(); }
    std::uint16_t slot(std::size_t i) const { return commands_[i].slot; }
    bool runs_script(std::size_t i) const { return commands_[i].runs.has_value(); }
    /// Appends command `i` as the server with those digests takes it.
    void write(std::size_t i, std::string& out, script_digests const& digests) const {
        auto const& c = commands_[i];
        if (c.runs) {
            start_command(out, c.runs->words);
            append_word(out, std::string_view("EVALSHA"));
            append_word(out, digest_of(digests, c.runs->what));
        }
        out += c.text;
    }

private:
    struct call {
        script what;
        std::size_t words;
    };
    struct command {
        std::uint16_t slot;
        std::optional<call> runs;
        std::string text;  // of a script: what follows its digest
    };
    std::vector<command> commands_;
};

/// One command's reply, and who gave it.
struct cluster_reply {
    std::shared_ptr<reply_set const> set;
    std::size_t at = 0;
    id128 server;
    unix_ms server_now_ms = 0;
};

/// What an operation got.
struct cluster_asked {
    store_error error = store_error::unreachable;
    std::vector<cluster_reply> replies;  // one a command, when there was no error
    /// The Cluster as a whole; checked as long ago as the node of these for whom that is longest,
    /// the clock of the one that is furthest on.
    answered_by by;
    /// Some commands went to a connection: they may or may not have been done.
    bool sent = false;

    reply operator[](std::size_t i) const { return (*replies[i].set)[replies[i].at]; }
};

/// A generation counts only together with the server that it was read from (protocol.md section 1):
/// as everything above the store sees it, that server's identity is mixed in, so that it is another
/// one when a slot has got another owner.
generation as_told_by(id128 server, generation stored);

}  // namespace sidecache::store
