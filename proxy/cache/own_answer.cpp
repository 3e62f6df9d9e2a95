#include "proxy/cache/own_answer.hpp"

#include <string>
#include <string_view>

namespace sidecache::cache {

namespace {

struct wording {
    std::string_view reason;
    std::string_view text;
};

wording wording_of(unsigned code) {
    switch (code) {
        case 503:
            return {"Service Unavailable", "too many requests to the backend are under way\n"};
        case 504:
            return {"Gateway Timeout", "the backend did not answer in time\n"};
        default:
            return {"Bad Gateway", "the backend gave no usable answer\n"};
    }
}

}  // namespace

task<void> own_answer(http::downstream& client, unsigned code, rules::cache_status status) {
    if (client.answered()) {
        co_return;
    }
    auto const [reason, text] = wording_of(code);
    http::response_head head;
    head.status = code;
    head.reason = reason;
    head.fields.add("Content-Type", "text/plain; charset=utf-8");
    head.fields.add("Cache-Control", "no-store");
    if (code == 503) {
        head.fields.add("Retry-After", "1");
    }
    std::string cache_status;
    rules::render_to(cache_status, status);
    head.fields.add("Cache-Status", cache_status);
    auto const sent = co_await client.send(head, text);
    (void)sent;  // a client that has gone away: the session sees it, too
}

}  // namespace sidecache::cache
