#include "tests/e2e/origin_stage.hpp"

#include "tests/support/eventually.hpp"

#include <array>
#include <ctime>
#include <utility>

namespace sidecache::tests {

namespace {

std::string yaml(std::string const& url, origin_stage::options const& o) {
    return "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
           "store: {url: \"" +
           o.store + "\"}\nnear_cache: {size: " + o.near + "}\nupstream: {url: \"" + url +
           "\", timeout: 5s}\n" + o.more +
           "rules:\n  - {name: rest, match: \"GET /{path*}\", ttl: origin, partition: none" +
           o.rule + "}\n";
}

/// First line and fields, without the empty line.
std::string wire_head(std::string_view head) {
    auto const end = head.find('\n');
    auto const status = head.substr(0, end);
    std::string out = "HTTP/1.1 " + std::string(status) + " Some Reason\r\n";
    auto rest = end == std::string_view::npos ? std::string_view() : head.substr(end + 1);
    while (!rest.empty()) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        out += std::string(line) + "\r\n";
    }
    return out;
}

/// Head and content with the length that belongs to them; "" closes.
std::string wire_form(std::string_view head, std::string_view body) {
    auto const status = head.substr(0, head.find('\n'));
    if (status == "0") {
        return {};
    }
    auto out = wire_head(head);
    if (status == "304" || status == "204") {
        return out + "\r\n";
    }
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return out + std::string(body);
}

}  // namespace

origin_stage::origin_stage(options const& o)
    : backend_(std::make_unique<recording_upstream>(
          [this](std::string_view method, std::string_view target) {
              return answer(method, target);
          })),
      proxy_(std::make_unique<sidecache_process>(yaml(backend_->url(), o))) {}

std::string origin_stage::answer(std::string_view method, std::string_view target) {
    std::lock_guard const lock(mutex_);
    std::string bytes = wire_form("200", "unscripted");
    if (auto const found = replies_.find(target);
        found != replies_.end() && !found->second.empty()) {
        bytes = std::move(found->second.front());
        found->second.pop_front();
    }
    return method == "HEAD" ? bytes.substr(0, bytes.find("\r\n\r\n") + 4) : bytes;
}

void origin_stage::reply(std::string const& target,
                         std::string_view head,
                         std::string body,
                         std::string_view interim) {
    auto const bytes = (interim.empty() ? "" : wire_head(interim) + "\r\n") + wire_form(head, body);
    reply_raw(target, bytes);
    if (bytes.empty()) {
        reply_raw(target, bytes);  // a kept connection that closes is tried once more, anew
    }
}

void origin_stage::reply_raw(std::string const& target, std::string bytes) {
    std::lock_guard const lock(mutex_);
    replies_[target].push_back(std::move(bytes));
}

http_response origin_stage::ask(std::string_view method,
                                std::string const& target,
                                http_fields fields,
                                std::string_view body) {
    fields.emplace_back("Host", "shop.example");
    auto out = fetch(proxy_->port(), method, target, fields, body);
    // Its one worker has dealt with everything that was sent to it before.
    fetch(proxy_->admin_port(), "GET", "/livez");
    return out;
}

http_fields fields_of(std::string_view lines) {
    http_fields out;
    while (!lines.empty()) {
        auto const line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        if (auto const colon = line.find(": "); colon != std::string_view::npos) {
            out.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        }
    }
    return out;
}

std::string date_in(long long seconds) {
    auto const when = static_cast<std::time_t>(std::time(nullptr) + seconds);
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    std::array<char, 64> text{};
    auto const size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

}  // namespace sidecache::tests
