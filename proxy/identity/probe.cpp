#include "proxy/identity/probe.hpp"

#include "proxy/http/content_coding.hpp"
#include "proxy/identity/variable_reader.hpp"
#include "proxy/upstream/exchange.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sidecache::identity {

namespace {

using upstream::failure;

http::request_head request_of(config::probe const& how, inquiry const& about) {
    http::request_head head;
    head.method = "GET";
    head.target = how.path;
    head.host = about.host;
    head.fields.add("Host", about.host);
    for (auto const& f : about.credentials.all()) {
        head.fields.add(f.name, f.value);
    }
    head.fields.add("Accept", "application/json");
    head.fields.add("Via", "1.1 sidecache");
    head.fields.add("X-Request-Id", about.request_id);
    return head;
}

class probe final : public source {
public:
    probe(config::probe how, std::vector<config::identity_variable> const& vars)
        : how_(std::move(how)), variables_(vars) {}

    task<verdict> verify(inquiry const& about) override {
        for (auto const& f : about.credentials.all()) {
            auto const is_it = [&](auto const& name) { return rules::iequals(f.name, name); };
            if (std::ranges::none_of(how_.forward, is_it)) {
                co_return rejected("other_credential");
            }
        }
        auto const request = request_of(how_, about);
        auto const exchange = about.upstream.open(upstream::repeat::safe, how_.timeout);
        http::response_head head;
        auto why = co_await exchange->send(request, {});
        while (why == failure::none) {
            why = co_await exchange->read_head(head);
            if (head.status >= 200 || head.status == 101) {
                break;
            }
        }
        if (why != failure::none) {
            co_return failed(upstream::name(why));
        }
        if (head.status >= 500) {
            co_return failed("status");
        }
        if (head.status / 100 != 2) {
            co_return rejected("status");
        }
        std::string content;
        std::array<char, 4096> piece;
        for (;;) {
            auto const got = co_await exchange->read_body(asio::buffer(piece));
            if (got.why != failure::none) {
                co_return failed(upstream::name(got.why));
            }
            if (got.size == 0) {
                break;
            }
            if (content.size() + got.size > max_probe_answer) {
                co_return failed("too_large");
            }
            content.append(piece.data(), got.size);
        }
        co_return read(head, std::move(content));
    }

    bool is_fixed() const override { return how_.fixed; }

private:
    verdict read(http::response_head const& head, std::string content) const {
        if (auto const coding = head.fields.joined("Content-Encoding")) {
            auto plain = http::decode_content(*coding, content, max_probe_answer);
            if (!plain) {
                return failed("coding");
            }
            content = std::move(*plain);
        }
        verdict out;
        out.who = variables_.read(content);
        if (!out.who) {
            return rejected("missing_variable");
        }
        out.what = outcome::verified;
        out.keep = how_.ttl;
        return out;
    }

    verdict rejected(std::string_view why) const {
        return {outcome::rejected, why, nullptr, how_.negative_ttl};
    }
    /// Soon again: what speaks against the backend of this moment says nothing of the credential.
    verdict failed(std::string_view why) const {
        return {outcome::failed,
                why,
                nullptr,
                std::min<std::chrono::milliseconds>(how_.negative_ttl, std::chrono::seconds(1))};
    }

    config::probe const how_;
    variable_reader const variables_;
};

}  // namespace

std::unique_ptr<source> make_probe(config::probe how, std::vector<config::identity_variable> vars) {
    return std::make_unique<probe>(std::move(how), vars);
}

}  // namespace sidecache::identity
