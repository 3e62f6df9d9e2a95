#include "tests/backend/service.hpp"

#include "tests/backend/product_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <array>

namespace backend {
namespace json = boost::json;
namespace {

enum class route_id {
    none,
    product,
    summary,
    list,
    by_organization,
    by_schema,
    create,
    update,
    remove_one,
    remove_many,
    me,
    health,
    wrong_method,
};

struct route_entry {
    std::string_view name;  // "GET /products/{id}"
    route_id what;
};

constexpr std::array<route_entry, 13> routes{{
    {"GET /products/{id}", route_id::product},
    {"GET /products/{id}/summary", route_id::summary},
    {"GET /products", route_id::list},
    {"GET /organizations/{orgId}/products", route_id::by_organization},
    {"GET /schemas/{schemaId}/products", route_id::by_schema},
    {"POST /products", route_id::create},
    {"PUT /products/{id}", route_id::update},
    {"PATCH /products/{id}", route_id::update},
    {"DELETE /products/{id}", route_id::remove_one},
    {"DELETE /products", route_id::remove_many},
    {"POST /products/bulk-delete", route_id::remove_many},
    {"GET /me", route_id::me},
    {"GET /health", route_id::health},
}};

bool same_path(std::string_view pattern, std::vector<std::string> const& segments) {
    std::size_t i = 0;
    for (pattern.remove_prefix(1);; ++i) {
        auto const end = pattern.find('/');
        auto const piece = pattern.substr(0, end);
        if (i == segments.size() || (piece != segments[i] && !piece.starts_with('{'))) {
            return false;
        }
        if (end == std::string_view::npos) {
            return i + 1 == segments.size();
        }
        pattern.remove_prefix(end + 1);
    }
}

struct found {
    route_id what = route_id::none;
    std::string_view name;
    std::string allow;
};

found find_route(request const& r) {
    found f;
    auto const method = r.method == "HEAD" ? std::string_view("GET") : std::string_view(r.method);
    for (auto const& entry : routes) {
        auto const blank = entry.name.find(' ');
        if (!same_path(entry.name.substr(blank + 1), r.segments)) {
            continue;
        }
        if (entry.name.substr(0, blank) == method) {
            return {entry.what, entry.name, {}};
        }
        f.what = route_id::wrong_method;
        f.allow += (f.allow.empty() ? "" : ", ") + std::string(entry.name.substr(0, blank));
    }
    return f;
}

response as_json(json::object const& o, int status = 200) {
    return {.status = status, .body = json::serialize(o)};
}

response refused(refusal const& why) {
    return problem(why.status, why.text);
}

json::array summaries(std::vector<product> const& products) {
    json::array out;
    for (auto const& p : products) {
        out.push_back(summary_of(p));
    }
    return out;
}

}  // namespace

std::string_view service::route(request const& r) {
    return find_route(r).name;
}

std::optional<id> service::caller::scope() const {
    return verified ? std::optional<id>(verified->organization) : claimed;
}

std::variant<service::caller, response> service::identify(request const& r) {
    caller who;
    if (auto const authorization = r.field("Authorization")) {
        constexpr std::string_view scheme = "Bearer ";
        if (authorization->starts_with(scheme)) {
            who.verified = data_.user_of_token(authorization->substr(scheme.size()));
        }
        if (!who.verified) {
            auto answer = problem(401, "the bearer token is not valid");
            answer.fields.emplace_back("WWW-Authenticate", "Bearer");
            return answer;
        }
        return who;
    }
    if (auto const claimed = r.field("X-Org-Id")) {
        who.claimed = parse_id(*claimed);
        if (!who.claimed) {
            return problem(400, "X-Org-Id must be a number");
        }
    }
    return who;
}

response service::handle(request const& r) {
    auto const f = find_route(r);
    if (f.what == route_id::none) {
        return problem(404, "there is nothing at this path");
    }
    if (f.what == route_id::wrong_method) {
        auto answer = problem(405, "this path does not take that method");
        answer.fields.emplace_back("Allow", f.allow);
        return answer;
    }
    auto identified = identify(r);
    if (auto* const answer = std::get_if<response>(&identified)) {
        return std::move(*answer);
    }
    auto const& who = std::get<caller>(identified);
    switch (f.what) {
        case route_id::product:
            return read_product(r, who, true);
        case route_id::summary:
            return read_product(r, who, false);
        case route_id::list:
            return list_products(r, who);
        case route_id::by_organization:
            return organization_products(r, who);
        case route_id::by_schema:
            return schema_products(r, who);
        case route_id::create:
            return create(r, who);
        case route_id::update:
            return update(r, who);
        case route_id::remove_one:
            return remove_one(r, who);
        case route_id::remove_many:
            return remove_many(r, who);
        case route_id::me:
            return me(who);
        case route_id::health:
            return as_json({{"status", "ok"}});
        case route_id::none:
        case route_id::wrong_method:
            break;  // answered above
    }
    return problem(500, "a route without a handler");
}

response service::read_product(request const& r, caller const& who, bool whole) {
    auto const number = parse_id(r.segments[1]);
    auto const p = number ? data_.find(*number) : std::nullopt;
    if (!p || (who.verified && p->organization != who.verified->organization)) {
        return problem(404, "there is no such product");
    }
    auto const etag = "\"" + std::to_string(p->number) + "-" + std::to_string(p->version) + "\"";
    if (r.field("If-None-Match") == etag) {
        return {.status = 304, .fields = {{"ETag", etag}}};
    }
    auto answer = as_json(whole ? details_of(*p) : summary_of(*p));
    answer.fields.emplace_back("ETag", etag);
    return answer;
}

response service::list_products(request const& r, caller const& who) {
    product_query q;
    q.organization = who.scope();
    if (!q.organization) {
        return problem(400, "whose products? Send a bearer token or X-Org-Id");
    }
    auto const page = r.parameter("page"), limit = r.parameter("limit");
    auto const page_number = parse_id(page.value_or("1"));
    auto const limit_number = parse_id(limit.value_or("10"));
    if (!page_number || !limit_number || *limit_number > 100) {
        return problem(400, "page must be 1 or more, limit 1 to 100");
    }
    q.page = *page_number;
    q.limit = *limit_number;
    q.search = r.parameter("search").value_or("");
    q.order = r.parameter("order").value_or("");
    auto const found = data_.list(q);
    if (!found) {
        return problem(400, "order must be id, name, price or updated, with '-' for descending");
    }
    return as_json({{"items", summaries(found->items)},
                    {"page", q.page},
                    {"limit", q.limit},
                    {"total", found->total}});
}

response service::organization_products(request const& r, caller const& who) {
    auto const org = parse_id(r.segments[1]);
    if (!org || (who.verified && who.verified->organization != *org) ||
        !data_.organization_exists(*org)) {
        return problem(404, "there is no such organization");
    }
    product_query q;
    q.organization = *org;
    q.limit = 1'000;
    auto const found = data_.list(q);
    return as_json({{"organizationId", *org}, {"items", summaries(found->items)}});
}

response service::schema_products(request const& r, caller const& who) {
    auto const schema = parse_id(r.segments[1]);
    auto const owner = schema ? data_.organization_of_schema(*schema) : std::nullopt;
    if (!owner || (who.verified && who.verified->organization != *owner)) {
        return problem(404, "there is no such schema");
    }
    product_query q;
    q.schema = *schema;
    q.limit = 1'000;
    auto const found = data_.list(q);
    return as_json({{"schemaId", *schema}, {"items", summaries(found->items)}});
}

response service::create(request const& r, caller const& who) {
    if (!who.scope()) {
        return problem(400, "whose product? Send a bearer token or X-Org-Id");
    }
    auto const what = parse_product(r.body, completeness::whole);
    if (auto const* const why = std::get_if<refusal>(&what)) {
        return refused(*why);
    }
    auto const made = data_.create(*who.scope(), std::get<product_change>(what));
    if (!made) {
        return problem(422, "schemaId is not a schema of this organization");
    }
    auto answer = as_json(details_of(*made), 201);
    answer.fields.emplace_back("Location", "/products/" + std::to_string(made->number));
    return answer;
}

response service::update(request const& r, caller const& who) {
    auto const number = parse_id(r.segments[1]);
    if (!number) {
        return problem(404, "there is no such product");
    }
    auto const how = r.method == "PUT" ? completeness::whole : completeness::part;
    auto const what = parse_product(r.body, how);
    if (auto const* const why = std::get_if<refusal>(&what)) {
        return refused(*why);
    }
    switch (data_.update(*number, who.scope(), std::get<product_change>(what))) {
        case change_result::not_found:
            return problem(404, "there is no such product");
        case change_result::unknown_schema:
            return problem(422, "schemaId is not a schema of this organization");
        case change_result::done:
            break;
    }
    auto const p = data_.find(*number);
    return p ? as_json(details_of(*p)) : problem(404, "it was deleted at the same moment");
}

response service::remove_one(request const& r, caller const& who) {
    auto const number = parse_id(r.segments[1]);
    if (!number || data_.remove({*number}, who.scope()).empty()) {
        return problem(404, "there is no such product");
    }
    return {.status = 204};
}

response service::remove_many(request const& r, caller const& who) {
    auto const ids = parse_ids(r.body);
    if (auto const* const why = std::get_if<refusal>(&ids)) {
        return refused(*why);
    }
    json::array gone;
    for (auto const number : data_.remove(std::get<std::vector<id>>(ids), who.scope())) {
        gone.push_back(number);
    }
    return as_json({{"deleted", std::move(gone)}});
}

response service::me(caller const& who) {
    if (!who.verified) {
        auto answer = problem(401, "who are you? Send a bearer token");
        answer.fields.emplace_back("WWW-Authenticate", "Bearer");
        return answer;
    }
    return as_json({{"id", who.verified->number},
                    {"organizationId", who.verified->organization},
                    {"name", who.verified->name}});
}

}  // namespace backend
