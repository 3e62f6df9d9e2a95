#pragma once

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <string>

namespace sidecache::tests {

/// Validates against the part of JSON schema draft-07 that schema.json is written in: type, enum,
/// const, pattern, minLength, minimum, maximum, required, properties, patternProperties,
/// additionalProperties, items, minItems, allOf, anyOf, $ref to a definition. A keyword that it
/// does not know fails, so that nothing in the schema goes unchecked.
/// Returns the first mistake with its path, or an empty text.
std::string mistake_in(boost::json::value const& document, boost::json::value const& schema);

}  // namespace sidecache::tests
