#include "proxy/http/forwarded.hpp"

#include "proxy/http/hop_by_hop.hpp"
#include "proxy/http/text_writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace sidecache::http {

namespace {

void add_forwarded(request_head& head, arrival const& how) {
    auto chain = head.fields.joined("X-Forwarded-For");
    if (chain && !chain->empty()) {
        chain->append(", ").append(how.peer);
        head.fields.set("X-Forwarded-For", *chain);
    } else {
        head.fields.set("X-Forwarded-For", how.peer);
    }
    if (!head.fields.find("X-Forwarded-Proto")) {
        head.fields.add("X-Forwarded-Proto", "http");
    }
    if (how.fixed_host.empty() && !head.fields.find("X-Forwarded-Host")) {
        head.fields.add("X-Forwarded-Host", head.host);
    }
}

/// All of `from` that is meant for the upstream, with room for what is added.
request_head copy_end_to_end(request_head const& from, std::span<std::string const> strip) {
    constexpr std::size_t added_fields = 6;
    constexpr std::size_t added_characters = 224;
    request_head head;
    head.method = from.method;
    head.target = from.target;
    head.host = from.host;
    head.body = from.body;
    head.content_length = from.content_length;
    head.keep_alive = from.keep_alive;
    head.expects_continue = from.expects_continue;
    head.upgrade = from.upgrade;
    head.fields.reserve(from.fields.size() + added_fields,
                        from.fields.characters() + added_characters);
    from.fields.for_each([&](std::string_view name, std::string_view value) {
        auto const is_stripped = [&](std::string const& s) { return rules::iequals(s, name); };
        if (!is_hop_by_hop(name) && !rules::iequals(name, "Expect") &&
            std::ranges::none_of(strip, is_stripped)) {
            head.fields.add(name, value);
        }
    });
    auto names = nominated(from.fields);
    if (!names.empty()) {
        head.fields.erase_all(std::move(names));
    }
    return head;
}

/// What of a client's fields is not written as it came.
struct seen_fields {
    bool has_nominations = false;
    bool has_chain = false;  // X-Forwarded-For
    bool has_protocol = false;
    bool has_host = false;  // X-Forwarded-Host
    bool has_id = false;
};

/// Writes the fields that go on as they came, and says which of those that this hop adds to were
/// there. By size: each of every request's fields comes through here.
class passed_fields {
public:
    passed_fields(arrival const& how, bool other_host) : how_(how), other_host_(other_host) {}

    seen_fields write(text_writer& out, field_list const& fields) {
        char const* begin = nullptr;
        char const* end = nullptr;
        fields.for_each_line(
            [&](std::string_view name, std::string_view value, std::string_view line) {
                if (!goes_on(name, value)) {
                    return;
                }
                if (line.data() != end) {
                    out.text({begin, static_cast<std::size_t>(end - begin)});
                    begin = line.data();
                }
                end = line.data() + line.size();
            });
        out.text({begin, static_cast<std::size_t>(end - begin)});
        return seen_;
    }

private:
    bool goes_on(std::string_view name, std::string_view value) {
        if (is_hop_by_hop(name)) {
            if (rules::iequals(name, "Connection")) {
                for_each_token(value, [&](std::string_view option) {
                    seen_.has_nominations =
                        seen_.has_nominations ||
                        !(rules::iequals(option, "close") || rules::iequals(option, "keep-alive"));
                });
            }
            return false;
        }
        for (auto const& stripped : how_.strip) {
            if (rules::iequals(stripped, name)) {
                return false;
            }
        }
        switch (name.size()) {
            case 4:
                return !other_host_ || !rules::iequals(name, "Host");
            case 6:
                return !rules::iequals(name, "Expect");
            case 12:
                seen_.has_id = seen_.has_id || rules::iequals(name, "X-Request-Id");
                return true;
            case 15:
                if (rules::iequals(name, "X-Forwarded-For")) {
                    seen_.has_chain = true;
                    return false;
                }
                return true;
            case 16:
                seen_.has_host = seen_.has_host || rules::iequals(name, "X-Forwarded-Host");
                return true;
            case 17:
                seen_.has_protocol =
                    seen_.has_protocol || rules::iequals(name, "X-Forwarded-Proto");
                return true;
            default:
                return true;
        }
    }

    arrival const& how_;
    bool other_host_;
    seen_fields seen_;
};

/// Where nothing else does: from the request as a value.
void render_prepared(std::string& out, request_head const& from, arrival const& how) {
    auto const head = prepare_upstream_request(from, how);
    out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    head.fields.write_to(out);
}

}  // namespace

std::string_view host_of(request_head const& from, config::upstream const& how) {
    if (!how.fixed_host.empty()) {
        return how.fixed_host;
    }
    return from.host.empty() ? how.host_header : from.host;
}

arrival arrival_of(std::string_view peer, config::upstream const& how) {
    return {peer, how.host_header, how.fixed_host, how.strip_headers};
}

request_id new_request_id() {
    thread_local std::mt19937_64 source{[] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }()};
    constexpr std::string_view digits = "0123456789abcdef";
    request_id id;
    auto* at = id.data();
    for (auto half : {source(), source()}) {
        for (int i = 0; i < 16; ++i) {
            *at++ = digits[half & 15U];
            half >>= 4U;
        }
    }
    return id;
}

std::string make_request_id() {
    auto const id = new_request_id();
    return {id.data(), id.size()};
}

request_head prepare_upstream_request(request_head const& from, arrival const& how) {
    auto head = copy_end_to_end(from, how.strip);
    std::string const protocols =
        from.upgrade ? from.fields.joined("Upgrade").value_or(std::string{}) : std::string{};
    if (!how.fixed_host.empty() || head.host.empty()) {
        head.host = how.fixed_host.empty() ? how.fallback_host : how.fixed_host;
        head.fields.set("Host", head.host);
    }
    add_forwarded(head, how);
    head.fields.add("Via", from.version == 10 ? "1.0 sidecache" : "1.1 sidecache");
    if (!head.fields.find("X-Request-Id")) {
        if (how.request_id.empty()) {
            head.fields.add("X-Request-Id", make_request_id());
        } else {
            head.fields.add("X-Request-Id", how.request_id);
        }
    }
    if (from.upgrade) {
        head.fields.add("Connection", "Upgrade");
        head.fields.add("Upgrade", protocols);
    }
    head.version = 11;
    return head;
}

void render_upstream_request(std::string& out, request_head const& from, arrival const& how) {
    assert(!from.upgrade && !from.has_content() && "such a request is prepared as a value");
    bool const other_host = !how.fixed_host.empty() || from.host.empty();
    std::string_view const other = how.fixed_host.empty() ? how.fallback_host : how.fixed_host;
    std::string_view const host = other_host ? other : std::string_view(from.host);
    auto const begin = out.size();
    bool by_value = false;
    {
        constexpr std::size_t beside = 320;
        text_writer w(out,
                      from.method.size() + from.target.size() + from.fields.characters() +
                          2 * host.size() + how.peer.size() + how.request_id.size() + beside);
        w.text(from.method).text(" ").text(from.target).text(" HTTP/1.1\r\n");
        auto const seen = passed_fields(how, other_host).write(w, from.fields);
        by_value = seen.has_nominations;
        if (other_host) {
            w.text("Host: ").text(host).text("\r\n");
        }
        w.text("X-Forwarded-For: ");
        if (seen.has_chain) {
            auto const chain = from.fields.joined("X-Forwarded-For").value_or(std::string());
            w.text(chain).text(chain.empty() ? "" : ", ");
        }
        w.text(how.peer).text("\r\n");
        if (!seen.has_protocol) {
            w.text("X-Forwarded-Proto: http\r\n");
        }
        if (how.fixed_host.empty() && !seen.has_host) {
            w.text("X-Forwarded-Host: ").text(host).text("\r\n");
        }
        w.text(from.version == 10 ? "Via: 1.0 sidecache\r\n" : "Via: 1.1 sidecache\r\n");
        if (!seen.has_id) {
            w.text("X-Request-Id: ");
            if (how.request_id.empty()) {
                auto const id = new_request_id();
                w.text({id.data(), id.size()});
            } else {
                w.text(how.request_id);
            }
            w.text("\r\n");
        }
    }
    if (by_value) {
        out.resize(begin);
        render_prepared(out, from, how);
    }
    out.append(from.body == framing::length ? "Content-Length: 0\r\n\r\n" : "\r\n");
}

}  // namespace sidecache::http
