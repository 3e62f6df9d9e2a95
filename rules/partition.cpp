#include "rules/partition.hpp"

#include "rules/credential.hpp"
#include "rules/escape.hpp"

namespace sidecache::rules {

namespace {

/// The first 16 bytes of the hash, in hex.
bool append_credential(std::string& out, partition const& p, request const& r) {
    auto const hash = hash_credential(r.fields, p.credential_fields);
    if (!hash) {
        return false;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < 16; ++i) {
        out += digits[(*hash)[i] >> 4U];
        out += digits[(*hash)[i] & 15U];
    }
    return true;
}

std::string listed(std::vector<std::string> const& names, std::string_view last) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += i == 0 ? std::string_view() : i + 1 == names.size() ? last : ", ";
        out += names[i];
    }
    return out;
}

}  // namespace

bool append_partition(std::string& out, partition const& p, request const& r) {
    switch (p.what) {
        case partition_definition::kind::none:
            return true;
        case partition_definition::kind::credential:
            if (has_field(r.fields, p.credential_fields)) {
                out += "|credential=";
                return append_credential(out, p, r);
            }
            return true;
        case partition_definition::kind::identity:
            if (!r.identity) {
                return false;
            }
            for (auto const& name : p.needed) {
                bool found = false;
                for (auto const& f : *r.identity) {
                    found = found || f.name == name;
                }
                if (!found) {
                    return false;
                }
            }
            for (auto const& name : p.suffix_names) {
                for (auto const& f : *r.identity) {
                    if (f.name == name) {
                        out += '|';
                        out += name;
                        out += '=';
                        append_escaped(out, f.value);
                        break;
                    }
                }
            }
            return true;
    }
    return false;
}

std::string sharing(partition const& p, request const& r) {
    switch (p.what) {
        case partition_definition::kind::none:
            return "everybody (`partition: none`)";
        case partition_definition::kind::credential:
            return (has_field(r.fields, p.credential_fields) ? "requests with the same "
                                                             : "requests without ") +
                   listed(p.credential_fields, " and ");
        case partition_definition::kind::identity:
            return "requests whose verified identity has the same " + listed(p.needed, " and ");
    }
    return "";
}

}  // namespace sidecache::rules
