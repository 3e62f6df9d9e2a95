#include "proxy/http/forwarded.hpp"

#include "proxy/http/hop_by_hop.hpp"

#include <array>
#include <cstdint>
#include <random>

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
    std::string id;
    id.reserve(32);
    for (auto half : halves) {
        for (int i = 0; i < 16; ++i) {
            id.push_back(digits[half & 15U]);
            half >>= 4U;
        }
    }
    return id;
}

request_head prepare_upstream_request(request_head const& from, arrival const& how) {
    request_head head = from;
    std::string const protocols =
        from.upgrade ? from.fields.joined("Upgrade").value_or(std::string{}) : std::string{};
    keep_end_to_end(head.fields);
    head.fields.erase("Expect");
    for (auto const& name : how.strip) {
        head.fields.erase(name);
    }
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
