#pragma once

#include "tests/backend/catalog.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace backend {

/// Everything about a product, and what a list shows of it. Names are camelCase, ids integers.
boost::json::object details_of(product const& p);
boost::json::object summary_of(product const& p);

/// Why a body is not a product: the status (400 not JSON, 422 not as it should be) and a sentence.
struct refusal {
    int status = 422;
    std::string text;
};

enum class completeness { whole, part };

/// Reads the body of POST and PUT (whole: `name` and `schemaId` must be there, what is missing
/// becomes empty) or PATCH (part: what is missing stays).
std::variant<product_change, refusal> parse_product(std::string_view body, completeness how);

/// {"ids": [1, 2]}
std::variant<std::vector<id>, refusal> parse_ids(std::string_view body);

}  // namespace backend
