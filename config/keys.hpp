#pragma once

#include <span>
#include <string_view>
#include <vector>

/// Every key that a configuration may hold, declared once: the loader accepts these and no others,
/// "did you mean" chooses among them, and a test holds schema.json to them.
namespace sidecache::config {

struct known_key {
    /// `upstream.timeout`; `rules[].lock.ttl` for what each rule holds, `rules[].vars{}.from` for
    /// what each of a mapping's freely named values holds.
    std::string_view path;
    /// `section`, or the name of a definition in schema.json: "duration", "size", "count"...
    std::string_view type;
    /// The default as it would be written; empty where there is none.
    std::string_view fallback;
    std::string_view text;
};

std::span<known_key const> known_keys();

/// The keys directly inside a section ("" is the top, "rules[]" one rule).
std::vector<known_key const*> keys_inside(std::string_view section);

/// The last word of a key's path.
std::string_view last_word(known_key const& key);

}  // namespace sidecache::config
