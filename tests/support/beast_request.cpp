#include "tests/support/beast_request.hpp"

#include "proxy/http/framing.hpp"
#include "proxy/http/head_parser.hpp"
#include "proxy/http/hop_by_hop.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace sidecache::tests {

namespace {

using namespace http;
namespace beast_http = boost::beast::http;
using beast_http::field;
using beast_view = boost::beast::string_view;
using beast_error = boost::beast::error_code;

constexpr head_limits limits{.max_target = 512, .max_header = 4'096};

std::string_view view(beast_view s) {
    return {s.data(), s.size()};
}

class collector final : public beast_http::basic_parser<true> {
public:
    explicit collector(request_head& into) : into_(into) {
        header_limit(0xffffffffU);
        body_limit(boost::none);
        eager(false);
    }
    framing_fields framing;
    unsigned hosts = 0;

private:
    void on_request_impl(beast_http::verb,
                         beast_view method,
                         beast_view target,
                         int version,
                         beast_error&) override {
        into_.method = view(method);
        into_.target = view(target);
        into_.version = static_cast<unsigned>(version);
    }
    void on_response_impl(int, beast_view, int, beast_error&) override {}
    void on_field_impl(field name, beast_view text, beast_view value, beast_error&) override {
        if (name == field::content_length) {
            if (framing.content_lengths++ == 0) {
                framing.content_length = view(value);
            }
        } else if (name == field::transfer_encoding) {
            if (framing.transfer_encodings++ == 0) {
                framing.transfer_encoding = view(value);
            }
        } else {
            hosts += name == field::host ? 1 : 0;
            into_.fields.add(view(text), view(value));
        }
    }
    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
    std::size_t on_body_impl(beast_view, beast_error&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast_view, beast_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_view, beast_error&) override { return 0; }
    void on_finish_impl(beast_error&) override {}

    request_head& into_;
};

bool has_option(field_list const& fields, std::string_view option) {
    bool found = false;
    fields.for_each([&](std::string_view name, std::string_view value) {
        if (rules::iequals(name, "Connection")) {
            for_each_token(
                value, [&](std::string_view one) { found = found || rules::iequals(one, option); });
        }
    });
    return found;
}

struct verdict {
    refusal bad;
    std::size_t size = 0;  // 0: more is needed
    request_head head;
};

refusal judge(collector const& seen, request_head& head) {
    auto const framed = frame_request(seen.framing, head.version);
    if (framed.bad) {
        return framed.bad;
    }
    head.body = framed.body;
    head.content_length = framed.length;
    head.host = head.fields.find("Host").value_or("");
    if (auto const bad = normalise_target(head, seen.hosts)) {
        return bad;
    }
    bool const close = has_option(head.fields, "close");
    bool const has_content = head.view().has_body;
    head.keep_alive = !close && (head.version >= 11 || has_option(head.fields, "keep-alive"));
    bool const may_upgrade = has_option(head.fields, "upgrade") && head.version >= 11;
    drop_nominated(head.fields);
    if (auto const expect = head.fields.joined("Expect"); expect && head.version >= 11) {
        if (!rules::iequals(*expect, "100-continue")) {
            return {417, "an expectation we do not know"};
        }
        head.expects_continue = has_content;
    }
    head.upgrade = may_upgrade && !has_content &&
                   rules::iequals(head.fields.joined("Upgrade").value_or(""), "websocket");
    return {};
}

verdict read_with_beast(std::string_view bytes) {
    verdict out;
    std::size_t skipped = 0;
    while (bytes.substr(skipped).starts_with("\r\n")) {
        skipped += 2;
    }
    bytes.remove_prefix(skipped);
    head_scanner scanner(true, limits);
    auto const scanned = scanner.scan(bytes);
    out.bad = scanned.bad;
    if (scanned.bad || scanned.size == 0) {
        return out;
    }
    collector collect(out.head);
    beast_error error;
    collect.put({bytes.data(), scanned.size}, error);
    if (error) {
        out.bad = {400, "not a valid HTTP request head"};
    } else if (out.head.target.size() > limits.max_target) {
        out.bad = {414, "the target is too long"};
    } else {
        out.bad = judge(collect, out.head);
    }
    out.size = skipped + scanned.size;
    return out;
}

std::string written(field_list const& fields) {
    std::string out;
    fields.write_to(out);
    return out;
}

void require(bool condition, char const* what, std::string_view bytes) {
    if (!condition) {
        std::fprintf(stderr,
                     "other than Beast: %s, of:\n%.*s\n",
                     what,
                     static_cast<int>(bytes.size()),
                     bytes.data());
        std::abort();
    }
}

bool compare(request_parser::step const& ours,
             std::size_t consumed,
             request_head const& head,
             std::string_view bytes) {
    auto const theirs = read_with_beast(bytes);
    auto const& other = theirs.head;
    require(ours.bad.status == theirs.bad.status, "refusal", bytes);
    require(ours.complete == (!theirs.bad && theirs.size != 0), "complete", bytes);
    if (!ours.complete) {
        return false;
    }
    require(consumed == theirs.size, "size", bytes);
    require(head.method == other.method && head.target == other.target &&
                head.version == other.version && head.host == other.host,
            "request line",
            bytes);
    require(head.body == other.body && head.content_length == other.content_length &&
                head.keep_alive == other.keep_alive &&
                head.expects_continue == other.expects_continue && head.upgrade == other.upgrade,
            "framing",
            bytes);
    require(written(head.fields) == written(other.fields), "fields", bytes);
    require(std::ranges::equal(head.fields.all(),
                               other.fields.all(),
                               [](auto const& a, auto const& b) {
                                   return a.name == b.name && a.value == b.value;
                               }),
            "views of fields",
            bytes);
    return true;
}

}  // namespace

bool compare_request_with_beast(std::string_view bytes, std::size_t piece) {
    request_head head;
    request_parser whole(limits);
    auto const at_once = whole.parse(bytes, head);
    bool const is_right = compare(at_once, at_once.consumed, head, bytes);

    request_parser split(limits);
    std::size_t consumed = 0;
    for (std::size_t have = 0; have < bytes.size();) {
        have = std::min(have + piece, bytes.size());
        auto const so_far = bytes.substr(0, have);
        auto const step = split.parse(so_far.substr(consumed), head);
        consumed += step.consumed;
        if (step.bad || step.complete || have == bytes.size()) {
            compare(step, consumed, head, so_far);
            break;
        }
    }
    return is_right;
}

}  // namespace sidecache::tests
