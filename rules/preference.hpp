#pragma once

#include "rules/list_field.hpp"
#include "rules/request.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Accept-Encoding and Accept-Language as what they mean (RFC 9110 sections 12.4.2, 12.5.3 and
/// 12.5.4), so that two spellings of one wish select the same variant. Views, no allocation.
namespace sidecache::rules {

/// `gzip;q=0.5`: what is wished for, and how much.
struct preference {
    std::string_view name;        ///< a token or `*`; its letter case means nothing
    std::uint16_t weight = 1000;  ///< in thousandths
};

/// Whether the field is a list of preferences: Accept-Encoding, Accept-Language.
bool is_preference_list(std::string_view field_name);

/// One element of such a list, as `for_each_element` gives it. nullopt: it has another form, and
/// what it means is the backend's to say.
std::optional<preference> read_preference(std::string_view element);

/// The elements of all lines of one field, in order. What is between them (OWS, commas that
/// separate nothing) is skipped (RFC 9110 section 5.6.1).
class preference_reader {
public:
    /// One line.
    explicit preference_reader(std::string_view line) : line_(line) {}
    /// All lines of that name in a request.
    preference_reader(std::span<field const> fields, std::string_view name)
        : fields_(fields), name_(name) {}

    enum class step : std::uint8_t { element, end, other_form };
    step next(preference& out);

private:
    bool next_line();

    std::string_view line_;
    std::span<field const> fields_;
    std::string_view name_;
};

}  // namespace sidecache::rules
