#include "tests/backend/product_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

namespace backend {
namespace json = boost::json;
namespace {

std::variant<json::object, refusal> parse_object(std::string_view body) {
    boost::system::error_code ec;
    auto v = json::parse(body, ec);
    if (ec) {
        return refusal{400, "the body is not JSON: " + ec.message()};
    }
    if (!v.is_object()) {
        return refusal{422, "the body must be an object"};
    }
    return std::move(v.as_object());
}

/// Collects the first thing that is wrong.
class reader {
public:
    explicit reader(json::object const& o) : object_(o) {}

    void text(std::string_view name, std::optional<std::string>& into) {
        if (auto const* const v = find(name)) {
            if (!v->is_string()) {
                return fail(name, "must be a string");
            }
            into = json::value_to<std::string>(*v);
        }
    }
    void number(std::string_view name, std::optional<std::int64_t>& into) {
        if (auto const* const v = find(name)) {
            if (!v->is_int64()) {
                return fail(name, "must be an integer");
            }
            into = v->as_int64();
        }
    }
    void fields(std::optional<std::vector<std::pair<std::string, std::string>>>& into) {
        if (auto const* const v = find("fields")) {
            if (!v->is_object()) {
                return fail("fields", "must be an object of strings");
            }
            into.emplace();
            for (auto const& [name, value] : v->as_object()) {
                if (!value.is_string()) {
                    return fail("fields", "must be an object of strings");
                }
                into->emplace_back(name, json::value_to<std::string>(value));
            }
        }
    }
    void images(std::optional<std::vector<std::string>>& into) {
        if (auto const* const v = find("images")) {
            if (!v->is_array()) {
                return fail("images", "must be an array of strings");
            }
            into.emplace();
            for (auto const& item : v->as_array()) {
                if (!item.is_string()) {
                    return fail("images", "must be an array of strings");
                }
                into->push_back(json::value_to<std::string>(item));
            }
        }
    }
    void fail(std::string_view name, std::string_view why) {
        if (error_.empty()) {
            error_ = std::string(name) + " " + std::string(why);
        }
    }
    std::string const& error() const { return error_; }

private:
    json::value const* find(std::string_view name) const { return object_.if_contains(name); }

    json::object const& object_;
    std::string error_;
};

}  // namespace

json::object summary_of(product const& p) {
    json::object o;
    o["id"] = p.number;
    o["organizationId"] = p.organization;
    o["schemaId"] = p.schema;
    o["version"] = p.version;
    o["name"] = p.name;
    o["sku"] = p.sku;
    o["priceCents"] = p.price_cents;
    o["updatedAt"] = p.updated_at;
    return o;
}

json::object details_of(product const& p) {
    auto o = summary_of(p);
    o["description"] = p.description;
    auto& fields = o["fields"].emplace_object();
    for (auto const& [name, value] : p.fields) {
        fields[name] = value;
    }
    auto& images = o["images"].emplace_array();
    for (auto const& url : p.images) {
        images.push_back(json::string(url));
    }
    return o;
}

std::variant<product_change, refusal> parse_product(std::string_view body, completeness how) {
    auto parsed = parse_object(body);
    if (auto* const wrong = std::get_if<refusal>(&parsed)) {
        return std::move(*wrong);
    }
    product_change p;
    reader r(std::get<json::object>(parsed));
    r.text("name", p.name);
    r.text("sku", p.sku);
    r.text("description", p.description);
    r.number("priceCents", p.price_cents);
    r.number("schemaId", p.schema);
    r.fields(p.fields);
    r.images(p.images);
    if (how == completeness::whole) {
        if (!p.name || p.name->empty()) {
            r.fail("name", "is missing");
        }
        if (!p.schema) {
            r.fail("schemaId", "is missing");
        }
        p.sku = p.sku.value_or("");
        p.description = p.description.value_or("");
        p.price_cents = p.price_cents.value_or(0);
        p.fields = std::move(p.fields).value_or(decltype(p.fields)::value_type{});
        p.images = std::move(p.images).value_or(decltype(p.images)::value_type{});
    }
    if (!r.error().empty()) {
        return refusal{422, r.error()};
    }
    return p;
}

std::variant<std::vector<id>, refusal> parse_ids(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* const wrong = std::get_if<refusal>(&parsed)) {
        return std::move(*wrong);
    }
    auto const* const ids = std::get<json::object>(parsed).if_contains("ids");
    if (ids == nullptr || !ids->is_array()) {
        return refusal{422, "ids must be an array of integers"};
    }
    std::vector<id> out;
    for (auto const& item : ids->as_array()) {
        if (!item.is_int64()) {
            return refusal{422, "ids must be an array of integers"};
        }
        out.push_back(item.as_int64());
    }
    return out;
}

}  // namespace backend
