#include "tests/support/resp_oracle.hpp"

#include <hiredis/read.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace sidecache::tests {

namespace {

using store::resp_reader;

void show(std::string& out, char type, long long number, std::size_t size, std::string_view text) {
    out += type;
    out += std::to_string(number) + "," + std::to_string(size) + ",";
    out += text;
    out += '\n';
}

void show(std::string& out, store::reply const& r) {
    char const type = r.is_nil()       ? '_'
                      : r.is_error()   ? '-'
                      : r.is_status()  ? '+'
                      : r.is_integer() ? ':'
                      : r.is_array()   ? '*'
                                       : '$';
    show(out, type, r.number(), r.size(), r.text());
}

/// What hiredis calls for each piece of a reply; null means: refused.
struct collector {
    std::string reply;
    store::resp_limits limits;

    static collector& of(redisReadTask const* t) { return *static_cast<collector*>(t->privdata); }
    void* add(char type, long long number, std::size_t size, std::string_view text) {
        show(reply, type, number, size, text);
        return this;
    }
    static void* text(redisReadTask const* t, char* bytes, std::size_t size) {
        auto& c = of(t);
        bool const is_bulk = t->type == REDIS_REPLY_STRING;
        if (is_bulk && (bytes[size] != '\r' || bytes[size + 1] != '\n' || size > c.limits.bytes)) {
            return nullptr;
        }
        char const type = is_bulk ? '$' : t->type == REDIS_REPLY_ERROR ? '-' : '+';
        return c.add(type, 0, 0, {bytes, size});
    }
    static void* array(redisReadTask const* t, int elements) {
        auto& c = of(t);
        auto const size = static_cast<std::size_t>(elements);
        bool const is_refused = t->parent != nullptr || size > c.limits.elements;
        return is_refused ? nullptr : c.add('*', 0, size, {});
    }
    static void* integer(redisReadTask const* t, long long value) {
        return of(t).add(':', value, 0, {});
    }
    static void* nil(redisReadTask const* t) { return of(t).add('_', 0, 0, {}); }
    static void free(void*) {}
};

redisReplyObjectFunctions functions{
    collector::text, collector::array, collector::integer, collector::nil, collector::free};

}  // namespace

resp_meaning read_ours(std::string_view bytes, std::size_t piece, store::resp_limits limits) {
    resp_reader reader(limits);
    store::reply_set set;
    resp_meaning m;
    while (!bytes.empty() && m.end != resp_reader::status::broken) {
        auto const room = reader.prepare();
        auto const n = std::min({room.size(), bytes.size(), piece});
        std::memcpy(room.data(), bytes.data(), n);
        reader.commit(n);
        bytes.remove_prefix(n);
        while ((m.end = reader.next(set)) == resp_reader::status::complete) {
            show(m.replies, set[0]);
            for (std::size_t i = 0; i < set[0].size(); ++i) {
                show(m.replies, set[0][i]);
            }
            set.clear();
        }
    }
    return m;
}

resp_meaning read_by_hiredis(std::string_view bytes, store::resp_limits limits) {
    std::unique_ptr<redisReader, void (*)(redisReader*)> const reader(
        redisReaderCreateWithFunctions(&functions), redisReaderFree);
    redisReaderFeed(reader.get(), bytes.data(), bytes.size());
    collector c{{}, limits};
    reader->privdata = &c;
    resp_meaning m;
    for (;;) {
        void* object = nullptr;
        if (redisReaderGetReply(reader.get(), &object) != REDIS_OK) {
            m.end = resp_reader::status::broken;
            break;
        }
        if (object == nullptr) {
            // The type of the text begun has been taken, its size is looked at again and again.
            std::string const rest(reader->buf + reader->pos, reader->len - reader->pos);
            bool const is_text = reader->ridx >= 0 &&
                                 reader->rstack[reader->ridx].type == REDIS_REPLY_STRING &&
                                 rest.find("\r\n") != std::string::npos;
            m.announces_too_much =
                is_text && std::strtoull(rest.c_str(), nullptr, 10) > limits.bytes;
            break;
        }
        m.replies += c.reply;
        c.reply.clear();
    }
    return m;
}

bool agree(resp_meaning const& ours, resp_meaning const& theirs) {
    return ours.replies == theirs.replies &&
           (ours.end == theirs.end ||
            (ours.end == resp_reader::status::broken && theirs.announces_too_much));
}

}  // namespace sidecache::tests
