#include "proxy/http/forwarded.hpp"

#include "proxy/http/hop_by_hop.hpp"

#include <algorithm>
#include <array>
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

std::string make_request_id() {
    thread_local std::mt19937_64 source{[] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }()};
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<std::uint64_t, 2> const halves{source(), source()};
    std::string id(32, '0');
    auto* at = id.data();
    for (auto half : halves) {
        for (int i = 0; i < 16; ++i) {
            *at++ = digits[half & 15U];
            half >>= 4U;
        }
    }
    return id;
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
        head.fields.add("X-Request-Id", make_request_id());
    }
    if (from.upgrade) {
        head.fields.add("Connection", "Upgrade");
        head.fields.add("Upgrade", protocols);
    }
    head.version = 11;
    return head;
}

}  // namespace sidecache::http
