#include "tests/differential/request_mix.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sidecache::tests {
namespace {

using field = std::pair<std::string, std::string>;

std::string percent(char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    auto const byte = static_cast<unsigned char>(c);
    return {'%', digits[byte >> 4U], digits[byte & 15U]};
}

bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string asked::text() const {
    auto out = method + " " + target + "\n";
    for (auto const& [name, value] : fields) {
        out += name + ": " + value + "\n";
    }
    return out + "\n" + body;
}

request_mix::request_mix(std::uint64_t seed, std::uint64_t stream) {
    std::seed_seq mixed{seed, seed >> 32U, stream, stream >> 32U};
    chance_.seed(mixed);
}

int request_mix::number(int below) {
    return static_cast<int>(chance_() % static_cast<std::uint64_t>(below));
}

/// Mostly somebody of that organization; sometimes a stranger, or somebody who claims to be.
http_fields request_mix::caller(int organization) {
    http_fields out{{"Host", "shop.test"}};
    auto const token = [&](int of) {
        return "token-" + std::to_string(of) + "-" + std::to_string(1 + number(users));
    };
    switch (number(40)) {
        case 0:
            break;
        case 1:
            out.emplace_back("X-Org-Id", std::to_string(organization));
            break;
        case 2:
            out.emplace_back("Authorization", "Bearer " + token(organization) + "0");
            break;
        case 3:
            out.emplace_back("Authorization", "Bearer");
            break;
        case 4:
            out.emplace_back("Authorization", "bearer " + token(organization));
            break;
        case 5:
            out.emplace_back("Authorization", "Bearer " + token(organization));
            out.emplace_back("Authorization", "Bearer " + token(1 + organization % organizations));
            break;
        default:
            out.emplace_back(one_in(4) ? "authorization" : "Authorization",
                             "Bearer " + token(organization));
            break;
    }
    return out;
}

/// What an attacker sends to be taken for somebody else, or to make others get his answer.
void request_mix::forge(http_fields& fields) {
    auto const other = std::to_string(1 + number(organizations));
    std::array const forged{
        field{"X-Org-Id", other},
        field{"orgId", other},
        field{"X-User-Id", other},
        field{"X-Api-Key", other},
        field{"X-Tenant-Id", other},
        field{"X_Org_Id", other},
        field{"X_Forwarded_Host", "evil.test"},
        field{"Cookie", "orgId=" + other},
        field{"Cookie", "token=token-" + other + "-1"},
        field{"Accept-Encoding", "gzip"},
        field{"Accept-Encoding", "identity"},
        field{"X-Forwarded-For", "10.0.0.1"},
        field{"X-Forwarded-Host", "evil.test"},
        field{"X-Original-URL", "/products/" + other},
        field{"X-Rewrite-URL", "/me"},
        field{"X-HTTP-Method-Override", "DELETE"},
        field{"Forwarded", "host=evil.test"},
        field{"Range", "bytes=0-9"},
        field{"Upgrade", "h2c"},
        field{"Cache-Control", "no-cache"},
        field{"Cache-Control", "max-age=0"},
        field{"Cache-Control", "max-stale"},
        field{"Cache-Control", "no-store"},
        field{"If-None-Match", "\"1-1\""},
        field{"If-None-Match", "\"4-2\""},
        field{"Accept", "text/html"},
        field{"X-Request-Id", "of the client"},
        field{"Via", "1.1 sidecache"},
    };
    auto const& chosen = forged[static_cast<std::size_t>(number(static_cast<int>(forged.size())))];
    auto const has = [&](std::string_view name) {
        return std::ranges::any_of(fields, [&](auto const& f) { return f.first == name; });
    };
    if (!has(chosen.first)) {
        fields.push_back(chosen);
    }
}

/// Few products are asked for often. Mostly one of the caller's own.
std::string request_mix::product_of(int organization) {
    auto const spread = std::min(number(products), number(products));
    if (one_in(8)) {
        return std::to_string(1 + spread + (one_in(4) ? 1'000 : 0));
    }
    return std::to_string(spread / organizations * organizations + organization);
}

/// A character of it may be percent-encoded that need not be; what has to be always is.
std::string request_mix::spelled(std::string_view text) {
    std::string out;
    bool const is_odd = one_in(6);
    for (char const c : text) {
        if (c == ' ' && one_in(2)) {
            out += '+';
        } else if (!is_plain(c) || (is_odd && one_in(3))) {
            auto code = percent(c);
            if (one_in(2)) {
                std::ranges::transform(code, code.begin(), [](char d) {
                    return d >= 'A' && d <= 'F' ? static_cast<char>(d - 'A' + 'a') : d;
                });
            }
            out += code;
        } else {
            out += c;
        }
    }
    return out;
}

std::string request_mix::list_query() {
    static constexpr std::array<std::string_view, 12> searches{
        "lamp", "blue lamp", "a*", "100%", "x|y", "a:b", "{id}", "\xc3\xa9", "?", "[1]", "+", ""};
    std::vector<std::string> parts;
    if (one_in(2)) {
        parts.push_back("page=" + spelled(std::to_string(1 + number(2))));
    }
    if (one_in(3)) {
        parts.push_back("limit=" + spelled(one_in(2) ? "5" : "10"));
    }
    if (one_in(6)) {
        parts.push_back("search=" +
                        spelled(searches[static_cast<std::size_t>(number(searches.size()))]));
    }
    if (one_in(6)) {
        parts.push_back("order=" + spelled(one_in(2) ? "price" : "-name"));
    }
    if (one_in(40)) {
        parts.emplace_back("debug=1");
    }
    if (one_in(40)) {
        parts.emplace_back("page=2");
    }
    if (one_in(60)) {
        parts.emplace_back(one_in(2) ? "Page=2" : "page");
    }
    std::ranges::shuffle(parts, chance_);
    std::string out;
    for (auto const& part : parts) {
        out += (out.empty() ? "?" : "&") + part;
    }
    return out;
}

/// Paths that backends and caches may understand in different ways. Left out is what README's
/// limits name: ids that only the backend takes for one (/products/01), which a purge of 1 does not
/// reach.
std::string request_mix::odd_target(int organization) {
    auto const id = product_of(organization);
    std::vector<std::string> const odd{
        "/products/" + id + "/",
        "//products/" + id,
        "/products//" + id,
        "/products/./" + id,
        "/products/x/../" + id,
        "/products/%2e%2e/products/" + id,
        "/products/" + id + "%2Fsummary",
        "/products/" + id + "%2fsummary",
        "/products/" + id + ";v=1",
        "/products/" + id + "%00",
        "/products/" + id + "%0d%0a",
        "/products/" + id + ":details",
        "/products/" + id + "%3Adetails",
        "/products/" + id + "%7CorgId=1",
        "/products/" + id + "%2A",
        "/products/*",
        "/PRODUCTS/" + id,
        "/products/" + id + "?",
        "/products/" + id + "?x=1",
        "/organizations/" + id + "%20/products",
        "/products/" + id + "/summary/",
        "/nothing/here",
    };
    return odd[static_cast<std::size_t>(number(static_cast<int>(odd.size())))];
}

asked request_mix::read() {
    asked out;
    auto const organization = 1 + number(organizations);
    auto const of = std::to_string(one_in(10) ? 1 + number(organizations) : organization);
    out.method = one_in(20) ? "HEAD" : "GET";
    auto const kind = number(100);
    if (kind < 42) {
        out.target = "/products/" + spelled(product_of(organization));
    } else if (kind < 56) {
        out.target = "/products/" + spelled(product_of(organization)) + "/summary";
    } else if (kind < 76) {
        out.target = "/products" + list_query();
    } else if (kind < 83) {
        out.target = "/organizations/" + spelled(of) + "/products";
    } else if (kind < 91) {
        auto const schema = (organization - 1) * 3 + 1 + number(one_in(10) ? 9 : 3);
        out.target = "/schemas/" + spelled(std::to_string(schema)) + "/products";
    } else if (kind < 94) {
        out.target = "/me";
    } else {
        out.target = odd_target(organization);
    }
    out.fields = caller(organization);
    if (one_in(5)) {
        forge(out.fields);
    }
    return out;
}

asked request_mix::write() {
    asked out;
    auto const organization = 1 + number(organizations);
    auto const own_schema = std::to_string((organization - 1) * 3 + 1 + number(3));
    auto const price = std::to_string(number(10'000));
    out.fields = caller(organization);
    out.fields.emplace_back("Content-Type", "application/json");
    if (one_in(8)) {
        out.fields.emplace_back("X-Org-Id", std::to_string(1 + number(organizations)));
    }
    switch (number(8)) {
        case 0:
            out.method = "POST";
            out.target = "/products";
            out.body = R"({"name": "new lamp", "schemaId": )" + own_schema + R"(, "priceCents": )" +
                       price + "}";
            break;
        case 1:
            out.method = "DELETE";
            out.target = "/products/" + std::to_string(products + number(200));
            break;
        case 2:
            out.method = one_in(2) ? "DELETE" : "POST";
            out.target = out.method == "POST" ? "/products/bulk-delete" : "/products";
            out.body = "{\"ids\": [" + std::to_string(products + number(200)) + ", " +
                       std::to_string(products + number(200)) + "]}";
            break;
        case 3:
            out.method = "PATCH";
            out.target = "/products/" + spelled(product_of(organization));
            out.body = R"({"schemaId": )" + own_schema + "}";
            break;
        default:
            out.method = "PATCH";
            out.target = "/products/" + spelled(product_of(organization));
            out.body = R"({"priceCents": )" + price + "}";
            break;
    }
    return out;
}

}  // namespace sidecache::tests
