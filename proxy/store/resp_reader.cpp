#include "proxy/store/resp_reader.hpp"

#include <hiredis/read.h>

#include <algorithm>
#include <cassert>
#include <utility>

extern "C" {
#include <hiredis/sds.h>
}

namespace sidecache::store {

/// What hiredis calls for each piece of a reply. The "object" that it wants for each, and only
/// compares with null, is the same for all: pieces come in order, and go to the end of the set.
struct reply_collector {
    using kind = reply_set::kind;
    /// Longer texts get a string of their own.
    static constexpr std::size_t short_text = 256;

    reply_set* set = nullptr;
    resp_limits limits;

    static reply_collector& of(redisReadTask const* t) {
        return *static_cast<reply_collector*>(t->privdata);
    }

    void* add(redisReadTask const* t, reply_set::node n) {
        auto const place = set->nodes_.size();
        if (t->parent == nullptr) {
            set->tops_.push_back(static_cast<std::uint32_t>(place));
        }
        set->nodes_.push_back(std::move(n));
        static char object = 0;
        return &object;
    }

    static void* text(redisReadTask const* t, char* bytes, std::size_t size) {
        auto& c = of(t);
        reply_set::node n;
        n.what = t->type == REDIS_REPLY_ERROR    ? kind::error
                 : t->type == REDIS_REPLY_STATUS ? kind::status
                                                 : kind::text;
        if (size > short_text) {
            n.shared = std::make_shared<std::string const>(bytes, size);
        } else {
            n.number = static_cast<std::int64_t>(c.set->texts_.size());
            n.size = static_cast<std::uint32_t>(size);
            c.set->texts_.append(bytes, size);
        }
        return c.add(t, std::move(n));
    }
    static void* array(redisReadTask const* t, int elements) {
        auto& c = of(t);
        // Nothing we send is answered with arrays in arrays; who sends one is no Redis we know.
        if (t->parent != nullptr || elements < 0 ||
            static_cast<std::size_t>(elements) > c.limits.elements) {
            return nullptr;
        }
        reply_set::node n;
        n.what = kind::array;
        n.number = elements;
        return c.add(t, std::move(n));
    }
    static void* integer(redisReadTask const* t, long long value) {
        reply_set::node n;
        n.what = kind::integer;
        n.number = value;
        return of(t).add(t, std::move(n));
    }
    static void* nil(redisReadTask const* t) { return of(t).add(t, {}); }
    static void free(void*) {}
};

namespace {

/// At least that much room before each read; hiredis's buffer doubles as a long reply grows.
constexpr std::size_t read_size = 16ULL * 1024;
/// As much is read at once. Of what is read hiredis moves the rest to the front behind each reply
/// of more than 1 KiB: to read many replies in one go costs more than it saves.
constexpr std::size_t most_read = 16ULL * 1024;
/// A reply that is longer than that comes in larger pieces.
constexpr std::size_t long_reply = 64ULL * 1024;
/// An emptied buffer above that size is given back.
constexpr std::size_t kept_buffer = 256ULL * 1024;
/// What a recycled set may keep.
constexpr std::size_t kept_texts = 64ULL * 1024;
constexpr std::size_t kept_nodes = 4ULL * 1024;

redisReplyObjectFunctions functions{reply_collector::text,
                                    reply_collector::array,
                                    reply_collector::integer,
                                    reply_collector::nil,
                                    reply_collector::free};

}  // namespace

void reply_set::clear() {
    texts_.clear();
    nodes_.clear();
    tops_.clear();
    if (texts_.capacity() > kept_texts) {
        texts_.shrink_to_fit();
    }
    if (nodes_.capacity() > kept_nodes) {
        nodes_.shrink_to_fit();
    }
}

reply reply_set::operator[](std::size_t i) const {
    return {*this, tops_[i]};
}

std::string_view reply::text() const {
    auto const& n = node();
    switch (n.what) {
        case reply_set::kind::text:
        case reply_set::kind::status:
        case reply_set::kind::error:
            return n.shared ? std::string_view(*n.shared)
                            : std::string_view(set_->texts_)
                                  .substr(static_cast<std::size_t>(n.number), n.size);
        case reply_set::kind::nil:
        case reply_set::kind::integer:
        case reply_set::kind::array:
            return {};
    }
    return {};
}

std::shared_ptr<std::string const> reply::shared_text() const {
    if (!is_text()) {
        return nullptr;
    }
    auto const& n = node();
    return n.shared ? n.shared : std::make_shared<std::string const>(text());
}

void resp_reader::free_reader::operator()(redisReader* r) const {
    redisReaderFree(r);
}

resp_reader::resp_reader(resp_limits limits)
    : reader_(redisReaderCreateWithFunctions(&functions)), limits_(limits) {
    if (!reader_) {
        throw std::bad_alloc();
    }
}

std::span<char> resp_reader::prepare() {
    auto* const r = reader_.get();
    if (r->buf == nullptr) {
        r->buf = sdsempty();  // hiredis lets go of it at an error
    } else if (r->pos == r->len) {
        if (sdsalloc(r->buf) > kept_buffer) {
            sdsfree(r->buf);
            r->buf = sdsempty();
        } else {
            sdsclear(r->buf);
        }
        r->pos = r->len = 0;
    }
    // Reading straight into hiredis's buffer spares the copy that redisReaderFeed would make.
    auto* const grown = sdsMakeRoomFor(r->buf, read_size);
    if (grown == nullptr) {
        throw std::bad_alloc();
    }
    r->buf = grown;
    auto const room = sdsavail(r->buf);
    return {r->buf + r->len, r->len - r->pos < long_reply ? std::min(room, most_read) : room};
}

void resp_reader::commit(std::size_t n) {
    auto* const r = reader_.get();
    sdsIncrLen(r->buf, static_cast<int>(n));
    r->len = sdslen(r->buf);
}

resp_reader::status resp_reader::next(reply_set& into) {
    auto* const r = reader_.get();
    if (is_broken_) {
        return status::broken;
    }
    reply_collector collector{&into, limits_};
    // hiredis hands privdata down task by task, so those of a reply begun earlier get it anew.
    r->privdata = &collector;
    for (int i = 0; i <= r->ridx; ++i) {
        r->rstack[i].privdata = &collector;
    }
    void* object = nullptr;
    if (redisReaderGetReply(r, &object) != REDIS_OK) {
        is_broken_ = true;
        return status::broken;
    }
    if (object != nullptr) {
        return status::complete;
    }
    is_broken_ = r->len - r->pos > limits_.bytes;
    return is_broken_ ? status::broken : status::partial;
}

bool resp_reader::is_idle() const {
    return reader_->ridx == -1 && reader_->pos == reader_->len;
}

}  // namespace sidecache::store
