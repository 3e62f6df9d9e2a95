#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;  // NOLINT(readability-identifier-naming): hiredis's name

/// Redis replies, parsed by hiredis's reader into a flat list that keeps its capacity.
namespace sidecache::store {

class reply;

/// The replies to one batch of commands, in order. Short texts lie in one buffer; a long one is a
/// string of its own, so that an entry goes from the reader's buffer to its holders in one copy.
class reply_set {
public:
    std::size_t size() const { return tops_.size(); }
    /// The i-th command's reply.
    reply operator[](std::size_t i) const;
    void clear();

private:
    friend class reply;
    friend struct reply_collector;
    enum class kind : std::uint8_t { nil, text, status, error, integer, array };
    struct node {
        kind what = kind::nil;
        std::uint32_t size = 0;   // of a text in `texts_`
        std::int64_t number = 0;  // an integer; elements of an array; a short text's place
        std::shared_ptr<std::string const> shared;  // a long text
    };
    std::string texts_;
    std::vector<node> nodes_;  // an array is followed by its elements
    std::vector<std::uint32_t> tops_;
};

/// One reply, or one element of an array. A view: valid while its set is neither changed nor moved.
class reply {
public:
    bool is_nil() const { return node().what == reply_set::kind::nil; }
    bool is_error() const { return node().what == reply_set::kind::error; }
    bool is_text() const { return node().what == reply_set::kind::text; }
    bool is_status() const { return node().what == reply_set::kind::status; }
    bool is_integer() const { return node().what == reply_set::kind::integer; }
    bool is_array() const { return node().what == reply_set::kind::array; }

    /// Of texts, states and errors; empty for everything else.
    std::string_view text() const;
    /// A text as a string with holders of its own; null for everything else.
    std::shared_ptr<std::string const> shared_text() const;
    std::int64_t number() const { return is_integer() ? node().number : 0; }
    /// Elements of an array, 0 for everything else. No array lies inside another.
    std::size_t size() const {
        return is_array() ? static_cast<std::size_t>(node().number) : std::size_t{0};
    }
    reply operator[](std::size_t i) const { return {*set_, at_ + 1 + i}; }

private:
    friend class reply_set;
    reply(reply_set const& set, std::size_t at) : set_(&set), at_(at) {}
    reply_set::node const& node() const { return set_->nodes_[at_]; }
    reply_set const* set_;
    std::size_t at_;
};

/// What one reply may hold; more ends the connection.
struct resp_limits {
    std::size_t elements = 64ULL * 1024;
    std::size_t bytes = 64ULL << 20;
};

/// Cuts a byte stream into replies. A protocol error is final: whoever pipelines has lost the
/// place. One connection's; one thread at a time.
class resp_reader {
public:
    explicit resp_reader(resp_limits limits = {});

    /// Room for the next bytes from the network, in the reader's own buffer; then `commit` what
    /// came. Never empty.
    std::span<char> prepare();
    void commit(std::size_t n);

    enum class status : std::uint8_t {
        complete,  ///< one more reply was appended to `into`
        partial,   ///< more bytes are needed; what `into` got meanwhile is completed later
        broken,    ///< not RESP, or beyond the limits
    };
    /// REQUIRES: the same set until the reply is complete.
    status next(reply_set& into);

    /// Every byte so far belongs to a reply that `next` has completed.
    bool is_idle() const;

private:
    struct free_reader {
        void operator()(redisReader* r) const;
    };
    std::unique_ptr<redisReader, free_reader> reader_;
    resp_limits limits_;
    bool is_broken_ = false;
};

}  // namespace sidecache::store
