#include "proxy/store/resp_tree.hpp"

#include <hiredis/hiredis.h>

#include <new>

namespace sidecache::store {

namespace {

resp_tree copy_of(redisReply const& r) {
    resp_tree out;
    using kind = resp_tree::kind;
    switch (r.type) {
        case REDIS_REPLY_STRING:
            out.what = kind::text;
            out.text.assign(r.str, r.len);
            break;
        case REDIS_REPLY_STATUS:
            out.what = kind::status;
            out.text.assign(r.str, r.len);
            break;
        case REDIS_REPLY_ERROR:
            out.what = kind::error;
            out.text.assign(r.str, r.len);
            break;
        case REDIS_REPLY_INTEGER:
            out.what = kind::integer;
            out.number = r.integer;
            break;
        case REDIS_REPLY_ARRAY:
            out.what = kind::array;
            out.items.reserve(r.elements);
            for (std::size_t i = 0; i < r.elements; ++i) {
                out.items.push_back(copy_of(*r.element[i]));
            }
            break;
        default:
            break;
    }
    return out;
}

}  // namespace

resp_tree const* resp_tree::find(std::string_view name) const {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i].text == name) {
            return &items[i + 1];
        }
    }
    return nullptr;
}

void tree_reader::free_reader::operator()(redisReader* r) const {
    redisReaderFree(r);
}

tree_reader::tree_reader(std::size_t most) : reader_(redisReaderCreate()), most_(most) {
    if (!reader_) {
        throw std::bad_alloc();  // when a connection is made, and never later
    }
}

void tree_reader::feed(std::string_view bytes) {
    since_ += bytes.size();
    redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

tree_reader::status tree_reader::next(resp_tree& out) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
        return status::broken;
    }
    if (reply == nullptr) {
        return since_ > most_ ? status::too_large : status::partial;
    }
    struct free_reply {
        void operator()(redisReply* r) const { freeReplyObject(r); }
    };
    std::unique_ptr<redisReply, free_reply> const whole(static_cast<redisReply*>(reply));
    since_ = 0;
    out = copy_of(*whole);
    return status::complete;
}

}  // namespace sidecache::store
