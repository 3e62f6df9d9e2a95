#pragma once

#include "rules/request.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sidecache::rules {

/// SHA-256 over the fields that hold a request's credentials.
using credential_hash = std::array<unsigned char, 32>;

/// Whether a request has any field of these names.
bool has_field(std::span<field const> fields, std::span<std::string const> names);

/// The hash of every field of these names, such that no two different sets of values have one.
/// `scope`, unless it is empty: where these credentials are meant for, which counts without regard
/// to case. Allocates nothing (a context is kept per thread). Nullopt: there is no such hash to be
/// had; then nobody may share anything.
std::optional<credential_hash> hash_credential(std::span<field const> fields,
                                               std::span<std::string const> names,
                                               std::string_view scope = {});

}  // namespace sidecache::rules
