#include "tests/config/schema_validator.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>

namespace sidecache::tests {
namespace {

namespace json = boost::json;

bool has_type(json::value const& v, std::string_view type) {
    if (type == "object") {
        return v.is_object();
    }
    if (type == "array") {
        return v.is_array();
    }
    if (type == "string") {
        return v.is_string();
    }
    if (type == "boolean") {
        return v.is_bool();
    }
    if (type == "integer") {
        return v.is_int64() || v.is_uint64();
    }
    return type == "number" && v.is_number();
}

bool matches(json::value const& text, json::value const& pattern) {
    return std::regex_search(std::string(text.as_string()),
                             std::regex(std::string(pattern.as_string())));
}

class validator {
public:
    explicit validator(json::value const& root) : root_(root) {}

    std::string check(json::value const& v,
                      json::object const& schema,
                      std::string const& path) const {
        for (auto const& [keyword, argument] : schema) {
            auto const wrong = check_keyword(v, schema, keyword, argument, path);
            if (!wrong.empty()) {
                return wrong;
            }
        }
        return "";
    }

private:
    std::string check_keyword(json::value const& v,
                              json::object const& schema,
                              std::string_view keyword,
                              json::value const& argument,
                              std::string const& path) const {
        auto const refuse_unless = [&](bool ok) {
            return ok ? std::string()
                      : path + ": " + std::string(keyword) + " " + json::serialize(argument) +
                            " refuses " + json::serialize(v);
        };
        static constexpr std::array<std::string_view, 6> says_nothing{
            "$schema", "title", "description", "default", "definitions", "examples"};
        if (std::ranges::find(says_nothing, keyword) != says_nothing.end()) {
            return "";
        }
        if (keyword == "$ref") {
            auto const name =
                std::string(argument.as_string()).substr(std::string_view("#/definitions/").size());
            return check(v, root_.at("definitions").at(name).as_object(), path);
        }
        if (keyword == "type") {
            auto const is = [&](json::value const& type) { return has_type(v, type.as_string()); };
            return refuse_unless(argument.is_array() ? std::ranges::any_of(argument.as_array(), is)
                                                     : is(argument));
        }
        if (keyword == "enum") {
            return refuse_unless(std::ranges::find(argument.as_array(), v) !=
                                 argument.as_array().end());
        }
        if (keyword == "const") {
            return refuse_unless(v == argument);
        }
        if (keyword == "pattern") {
            return refuse_unless(!v.is_string() || matches(v, argument));
        }
        if (keyword == "minLength") {
            return refuse_unless(!v.is_string() ||
                                 v.as_string().size() >= argument.to_number<std::size_t>());
        }
        if (keyword == "minItems") {
            return refuse_unless(!v.is_array() ||
                                 v.as_array().size() >= argument.to_number<std::size_t>());
        }
        if (keyword == "minimum") {
            return refuse_unless(!v.is_number() ||
                                 v.to_number<double>() >= argument.to_number<double>());
        }
        if (keyword == "maximum") {
            return refuse_unless(!v.is_number() ||
                                 v.to_number<double>() <= argument.to_number<double>());
        }
        if (keyword == "required") {
            auto const is_there = [&](json::value const& name) {
                return v.as_object().contains(name.as_string());
            };
            return refuse_unless(!v.is_object() ||
                                 std::ranges::all_of(argument.as_array(), is_there));
        }
        if (keyword == "allOf" || keyword == "anyOf") {
            auto const fits = [&](json::value const& s) {
                return check(v, s.as_object(), path).empty();
            };
            auto const& all = argument.as_array();
            return refuse_unless(keyword == "allOf" ? std::ranges::all_of(all, fits)
                                                    : std::ranges::any_of(all, fits));
        }
        if (keyword == "items") {
            return check_items(v, argument.as_object(), path);
        }
        if (keyword == "properties" || keyword == "patternProperties" ||
            keyword == "additionalProperties") {
            return check_properties(v, schema, keyword, path);
        }
        return path + ": this validator does not know " + std::string(keyword);
    }

    std::string check_items(json::value const& v,
                            json::object const& schema,
                            std::string const& path) const {
        if (v.is_array()) {
            for (auto const& item : v.as_array()) {
                auto const wrong = check(item, schema, path + "[]");
                if (!wrong.empty()) {
                    return wrong;
                }
            }
        }
        return "";
    }

    /// Each member meets the one of the three keywords that speaks of it.
    std::string check_properties(json::value const& v,
                                 json::object const& schema,
                                 std::string_view keyword,
                                 std::string const& path) const {
        if (!v.is_object()) {
            return "";
        }
        auto const* named = schema.if_contains("properties");
        auto const* patterns = schema.if_contains("patternProperties");
        auto const* others = schema.if_contains("additionalProperties");
        for (auto const& [name, member] : v.as_object()) {
            auto const at = path + "/" + std::string(name);
            json::value const* schema_of_it =
                named == nullptr ? nullptr : named->as_object().if_contains(name);
            std::string_view who = "properties";
            if (schema_of_it == nullptr && patterns != nullptr) {
                for (auto const& [pattern, s] : patterns->as_object()) {
                    if (matches(json::value(json::string(name)),
                                json::value(json::string(pattern)))) {
                        schema_of_it = &s;
                        who = "patternProperties";
                    }
                }
            }
            if (schema_of_it == nullptr && others != nullptr) {
                if (others->is_bool()) {
                    if (!others->as_bool()) {
                        return at + ": is not known";
                    }
                    continue;
                }
                schema_of_it = others;
                who = "additionalProperties";
            }
            if (schema_of_it != nullptr && who == keyword) {
                auto const wrong = check(member, schema_of_it->as_object(), at);
                if (!wrong.empty()) {
                    return wrong;
                }
            }
        }
        return "";
    }

    json::value const& root_;
};

}  // namespace

std::string mistake_in(json::value const& document, json::value const& schema) {
    return validator(schema).check(document, schema.as_object(), "");
}

}  // namespace sidecache::tests
