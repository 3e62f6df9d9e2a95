#pragma once

#include "config/init/references.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the schema of a JSON body says that a purge could take from it.
namespace sidecache::config::init {

struct body_shape {
    std::vector<std::string> members;   ///< of an object: those with one value, in order
    std::vector<std::string> id_lists;  ///< paths to many ids: "ids[*]", "items[*].id", "[*].id"
};

/// Reads a schema: `properties`, and those of `allOf`, `oneOf` and `anyOf`. Bounded whatever the
/// file holds: eight levels, and a thousand schemas.
body_shape shape_of(yaml_node const* schema, references& refs);

/// The schema of JSON under `content` (OpenAPI 3): application/json, or what ends in +json.
yaml_node const* json_schema(yaml_node const* content);

}  // namespace sidecache::config::init
