#include "proxy/http/head_parser.hpp"

#include "proxy/http/hop_by_hop.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>

namespace sidecache::http {

namespace {

namespace beast_http = boost::beast::http;
using beast_http::field;
using beast_view = boost::beast::string_view;
using beast_error = boost::beast::error_code;

std::string_view view(beast_view s) {
    return {s.data(), s.size()};
}

/// What both kinds of heads collect field by field. Beast checks the grammar of each line; it
/// would fold lines too, but the scanner has refused those before.
template <bool IsRequest>
class collector : public beast_http::basic_parser<IsRequest> {
public:
    explicit collector(field_list& fields) : fields_(fields) {
        // Our own limits have been applied to the bytes already.
        this->header_limit(0xffffffffU);
        this->body_limit(boost::none);
        this->eager(false);
    }

    framing_fields framing;
    bool lengths_equal = true;
    unsigned hosts = 0;
    bool has_connection = false;

protected:
    void on_field_impl(field name, beast_view text, beast_view value, beast_error&) override {
        switch (name) {
            case field::content_length:
                if (framing.content_lengths++ == 0) {
                    framing.content_length = view(value);
                } else {
                    lengths_equal = lengths_equal && framing.content_length == view(value);
                }
                return;
            case field::transfer_encoding:
                if (framing.transfer_encodings++ == 0) {
                    framing.transfer_encoding = view(value);
                }
                return;
            case field::host:
                ++hosts;
                break;
            case field::connection:
                has_connection = true;
                break;
            default:
                break;
        }
        fields_.add(view(text), view(value));
    }

    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
    std::size_t on_body_impl(beast_view, beast_error&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast_view, beast_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_view, beast_error&) override { return 0; }
    void on_finish_impl(beast_error&) override {}

private:
    field_list& fields_;
};

class request_collector final : public collector<true> {
public:
    explicit request_collector(request_head& into) : collector(into.fields), into_(into) {}

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

    request_head& into_;
};

struct connection_options {
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
    bool others = false;  // nominates fields
};

connection_options read_connection(field_list const& fields) {
    connection_options found;
    for (auto const& f : fields.all()) {
        if (!rules::iequals(f.name, "Connection")) {
            continue;
        }
        for_each_token(f.value, [&](std::string_view option) {
            if (rules::iequals(option, "close")) {
                found.close = true;
            } else if (rules::iequals(option, "keep-alive")) {
                found.keep_alive = true;
            } else if (rules::iequals(option, "upgrade")) {
                found.upgrade = true;
            } else {
                found.others = true;
            }
        });
    }
    return found;
}

// Of what a client may want to switch to only this is tunnelled: through `h2c`, TLS or a protocol
// that a lenient backend takes for one of them (`h2c;x`) would flow requests that no rule sees.
bool is_tunnelled(std::string_view protocols) {
    return rules::iequals(protocols, "websocket");
}

refusal finish_request(request_head& head, collector<true> const& seen) {
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
    connection_options const options =
        seen.has_connection ? read_connection(head.fields) : connection_options{};
    head.keep_alive = !options.close && (head.version >= 11 || options.keep_alive);
    if (options.others) {
        drop_nominated(head.fields);
    }
    if (auto const expect = head.fields.joined("Expect"); expect && head.version >= 11) {
        if (!rules::iequals(*expect, "100-continue")) {
            return {417, "an expectation we do not know"};
        }
        head.expects_continue = head.view().has_body;
    }
    if (options.upgrade && head.version >= 11 && !head.view().has_body) {
        auto const protocols = head.fields.joined("Upgrade");
        head.upgrade = protocols && is_tunnelled(*protocols);
    }
    return {};
}

}  // namespace

request_parser::step request_parser::parse(std::string_view bytes, request_head& into) {
    std::size_t skipped = 0;
    while (bytes.starts_with("\r\n")) {
        bytes.remove_prefix(2);
        skipped += 2;
    }
    auto const scanned = scanner_.scan(bytes);
    if (scanned.bad) {
        return {scanned.bad, skipped, false};
    }
    if (scanned.size == 0) {
        return {{}, skipped, false};
    }
    scanner_.reset();
    into.clear();
    into.fields.reserve(12, scanned.size);
    request_collector collect(into);
    beast_error error;
    collect.put({bytes.data(), scanned.size}, error);
    if (error) {
        // Beast judges framing fields, too; ours is the word that counts, but both refuse.
        return {{400, "not a valid HTTP request head"}, skipped, false};
    }
    if (into.target.size() > limits_.max_target) {
        return {{414, "the target is too long"}, skipped, false};
    }
    if (auto const bad = finish_request(into, collect)) {
        return {bad, skipped, false};
    }
    return {{}, skipped + scanned.size, true};
}

}  // namespace sidecache::http
