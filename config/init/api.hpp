#pragma once

#include "rules/definition.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What an OpenAPI file says of an API, as far as a cache in front of it is concerned.
namespace sidecache::config::init {

struct parameter {
    enum class place : std::uint8_t { path, query, header, cookie };
    place in = place::query;
    std::string name;
    bool is_required = false;
    /// Comes as often as it has values, or under names of its own (`filter[name]`).
    bool has_many = false;
    std::optional<std::string> fallback;
};

/// Whether the file asks for credentials, and whether a cache sees them.
enum class access : std::uint8_t {
    undeclared,  ///< nothing is said of this route: none is needed, or it was forgotten
    open,        ///< `security: []`: the file says that none is needed
    credential,  ///< Authorization or Cookie: what the default partition goes by
    unseen,      ///< something else: an API key in a field or in the query, a client certificate
};

/// One route with one method.
struct operation {
    std::string method;  // GET, POST...
    std::string path;    // with the base path, variables as the file writes them
    std::string id;      // operationId, or empty
    rules::position at;
    std::vector<parameter> parameters;
    access caller = access::undeclared;
    std::string unseen;  // what `access::unseen` is: "the field X-API-Key"
    bool has_body = false;
    bool streams = false;                   // an answer without an end: text/event-stream
    std::vector<std::string> body_members;  // names at the top of a JSON body, with one value each
    std::vector<std::string> id_lists;      // "ids[*]", "[*].id": where a body names many
    std::vector<std::string> answer_members;  // names at the top of a JSON answer
};

struct api {
    std::string title;
    std::string version;
    std::string base_path;              // "/api/v1", or empty
    std::vector<std::string> security;  // the schemes that are used: "bearer (http bearer)"
    std::vector<operation> operations;  // in the order of the file
};

}  // namespace sidecache::config::init
