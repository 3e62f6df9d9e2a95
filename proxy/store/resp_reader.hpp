#pragma once

#include "proxy/store/held_text.hpp"
#include "proxy/store/receive_chunk.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Redis replies (RESP2), parsed where the network has put them: into a flat list that keeps its
/// capacity, whose texts are views of the reader's own buffer.
namespace sidecache::store {

class reply;

/// The replies to one batch of commands, in order, and the memory in which they lie.
class reply_set {
public:
    std::size_t size() const { return tops_.size(); }
    /// The i-th command's reply.
    reply operator[](std::size_t i) const;
    void clear();

private:
    friend class reply;
    friend class resp_reader;
    enum class kind : std::uint8_t { nil, text, status, error, integer, array };
    struct node {
        kind what = kind::nil;
        std::int64_t number = 0;     // an integer; elements of an array; the size of a text
        char const* text = nullptr;  // in one of `held_`
    };
    std::vector<node> nodes_;  // an array is followed by its elements
    std::vector<std::uint32_t> tops_;
    std::vector<std::shared_ptr<receive_chunk const>> held_;  // nearly always one
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
    std::string_view text() const {
        auto const& n = node();
        return n.text == nullptr ? std::string_view()
                                 : std::string_view(n.text, static_cast<std::size_t>(n.number));
    }
    /// A text as a string with holders of its own; null for everything else.
    std::shared_ptr<std::string const> shared_text() const;
    /// A text where it lies, for as long as it is held; nothing for everything else. Copied where
    /// too much is being held already.
    held_text held() const;
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

inline reply reply_set::operator[](std::size_t i) const {
    return {*this, tops_[i]};
}

/// What one reply may hold; more ends the connection.
struct resp_limits {
    std::size_t elements = 64ULL * 1024;
    std::size_t bytes = 64ULL << 20;
};

/// Cuts a byte stream into replies. A protocol error is final: whoever pipelines has lost the
/// place. One connection's; one thread at a time, and the holders of what it read with it.
///
/// The protocol: https://redis.io/docs/reference/protocol-spec, version 2. Nothing that we send is
/// answered with arrays in arrays; who sends one is no Redis that we know.
class resp_reader {
public:
    explicit resp_reader(resp_limits limits = {});

    /// Room for the next bytes from the network, in the reader's own buffer; then `commit` what
    /// came. Never empty.
    std::span<char> prepare();
    void commit(std::size_t n) { end_ += n; }

    enum class status : std::uint8_t {
        complete,  ///< one more reply was appended to `into`
        partial,   ///< more bytes are needed; what `into` got meanwhile is completed later
        broken,    ///< not RESP, or beyond the limits
    };
    /// REQUIRES: the same set until the reply is complete.
    status next(reply_set& into);

    /// Every byte so far belongs to a reply that `next` has completed.
    bool is_idle() const { return at_ == end_ && left_ == 0; }

private:
    /// A number in a line of its own; `line`: the size of it all.
    struct numbered {
        status state = status::partial;
        std::int64_t value = 0;
        std::size_t line = 0;
    };

    bool take_whole_texts(reply_set& into);
    status take(reply_set& into);
    status take_bulk(reply_set& into);
    status take_array(reply_set& into);
    status take_integer(reply_set& into);
    status take_line(reply_set& into, reply_set::kind what);
    numbered number();
    char const* line_end();
    void add(reply_set& into, reply_set::node n) const;
    void hold(reply_set& into) const;
    std::size_t needed() const;

    std::shared_ptr<chunk_count> count_ = std::make_shared<chunk_count>();
    std::shared_ptr<receive_chunk> chunk_;
    std::size_t at_ = 0;      // in the chunk: what is parsed next
    std::size_t end_ = 0;     // and where what has come ends
    std::size_t left_ = 0;    // elements that an array begun still needs
    std::size_t whole_ = 0;   // size of the element begun, as far as it is known; else 0
    std::size_t looked_ = 0;  // of the line begun: so much of it is known to hold no end
    resp_limits limits_;
    bool is_broken_ = false;
};

}  // namespace sidecache::store
