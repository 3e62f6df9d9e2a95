#include "rules/partition.hpp"

#include "rules/caller_field.hpp"
#include "rules/credential.hpp"
#include "rules/escape.hpp"

namespace sidecache::rules {

namespace {

/// Which fields make it one of somebody; null: none of them is there.
std::vector<std::string> const* credentials_of(partition const& p, request const& r) {
    if (names_caller(r.fields) && has_field(r.fields, p.all_fields)) {
        return &p.all_fields;
    }
    return has_field(r.fields, p.credential_fields) ? &p.credential_fields : nullptr;
}

/// The first 16 bytes of the hash, in hex.
bool append_credential(std::string& out, std::vector<std::string> const& names, request const& r) {
    auto const hash = hash_credential(r.fields, names);
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
            if (auto const* names = credentials_of(p, r)) {
                out += "|credential=";
                return append_credential(out, *names, r);
            }
            return true;
        case partition_definition::kind::identity:
            if (!r.identity ||
                (names_caller(r.fields) && has_field(r.fields, p.unverified_fields))) {
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
            if (auto const* names = credentials_of(p, r); names == &p.all_fields) {
                std::vector<std::string> there;
                for (auto const& name : *names) {
                    if (find_field(r.fields, name)) {
                        there.push_back(name);
                    }
                }
                return "requests with the same " + listed(there, " and ");
            }
            return (has_field(r.fields, p.credential_fields) ? "requests with the same "
                                                             : "requests without ") +
                   listed(p.credential_fields, " and ");
        case partition_definition::kind::identity:
            return "requests whose verified identity has the same " + listed(p.needed, " and ");
    }
    return "";
}

}  // namespace sidecache::rules
