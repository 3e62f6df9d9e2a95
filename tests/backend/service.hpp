#pragma once

#include "tests/backend/catalog.hpp"
#include "tests/backend/message.hpp"

#include <optional>
#include <string_view>
#include <variant>

namespace backend {

/// The products API (design.md section 2, "route of the products API"). With a valid bearer token
/// the organization is the token's, and what belongs to another one is 404; with an invalid one
/// everything is 401. A request without a token is a trusted internal call: its organization is
/// what X-Org-Id says, where one is needed. Any thread.
class service {
public:
    explicit service(catalog& data) : data_(data) {}

    response handle(request const& r);

    /// The route's name for counters: "GET /products/{id}"; "" when no route has that path.
    static std::string_view route(request const& r);

private:
    struct caller {
        std::optional<user> verified;
        std::optional<id> claimed;  // X-Org-Id
        /// Whose data it may touch; nullopt: anybody's (a trusted call that claims nothing).
        std::optional<id> scope() const;
    };
    std::variant<caller, response> identify(request const& r);

    response read_product(request const& r, caller const& who, bool whole);
    response list_products(request const& r, caller const& who);
    response organization_products(request const& r, caller const& who);
    response schema_products(request const& r, caller const& who);
    response create(request const& r, caller const& who);
    response update(request const& r, caller const& who);
    response remove_one(request const& r, caller const& who);
    response remove_many(request const& r, caller const& who);
    response me(caller const& who);

    catalog& data_;
};

}  // namespace backend
