#pragma once

#include "rules/compiled.hpp"
#include "rules/mutation_scope.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The inside of a mutation_scope, for the files that implement it.
namespace sidecache::rules {

/// What is known of one variable of a matched purge.
struct variable_state {
    enum class kind : std::uint8_t {
        known,     ///< `values`
        unknown,   ///< it widens
        entry,     ///< a look-up will tell
        response,  ///< the response will tell
    };
    kind what = kind::unknown;
    /// Escaped, sorted, without duplicates.
    std::vector<std::string> values;

    static variable_state of(std::vector<std::string> escaped_values);
    /// From what was read in a JSON text, or the variable's default where it has none.
    static variable_state of(json_values const& read, bound_variable const& v);
};

struct mutation_scope::binding {
    rules::purge const* purge = nullptr;
    compiled_purge const* compiled = nullptr;
    std::vector<variable_state> variables;  // one for each of the purge's
};

struct mutation_scope::entry_target {
    enum class state : std::uint8_t { pending, told, distrusted };
    std::size_t binding = 0;
    std::size_t need = 0;  // in compiled_purge::entries
    state what = state::pending;
    /// told: one for each of the need's `tells`.
    std::vector<variable_state> told;
};

/// More look-ups than this cost more than the widened tags do.
inline constexpr std::size_t max_entry_lookups = 1'000;

/// Reads a binding's variables of one kind of source from a JSON text; nullopt: there is none.
void take_json(std::vector<variable_state>& into,
               compiled_purge const& purge,
               variable_source::kind source,
               std::optional<std::string_view> text);

/// Calls `f(combination)`, one index a dimension, for each combination; false, without a call, when
/// there are more than `limit`.
template <class F>
bool for_each_combination(std::span<std::size_t const> sizes, std::size_t limit, F f) {
    std::size_t total = 1;
    for (auto const n : sizes) {
        if (n == 0 || total > limit / n) {
            return false;
        }
        total *= n;
    }
    std::vector<std::size_t> at(sizes.size(), 0);
    for (std::size_t done = 0; done < total; ++done) {
        f(std::span<std::size_t const>(at));
        for (std::size_t i = 0; i < at.size() && ++at[i] == sizes[i]; ++i) {
            at[i] = 0;
        }
    }
    return true;
}

}  // namespace sidecache::rules
