#include "config/init/schema_members.hpp"

#include "config/init/words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sidecache::config::init {
namespace {

constexpr int deepest = 8;
constexpr std::size_t most_schemas = 1'000;
constexpr std::size_t most_members = 200;

enum class type { one_value, list, object, unknown };

/// Reads one body; counts what it looks at.
class reader {
public:
    explicit reader(references& refs) : refs_(refs) {}

    body_shape read(yaml_node const* schema) {
        schema = open(schema);
        if (type_of(schema) == type::list) {
            add_list("", open(member(schema, "items")));
            return std::move(out_);
        }
        each_property(schema, 0, [&](std::string const& name, yaml_node const* property) {
            auto const what = type_of(property);
            if (what == type::one_value) {
                add(out_.members, name);
            } else if (what == type::list && is_plain(name)) {
                add_list(name, open(member(property, "items")));
            }
        });
        return std::move(out_);
    }

private:
    /// Follows a reference, as long as there is something left to spend.
    yaml_node const* open(yaml_node const* node) {
        return ++looked_at_ > most_schemas ? nullptr : refs_.follow(node);
    }

    /// A name that a path in `body.` can hold.
    static bool is_plain(std::string const& name) {
        return !name.empty() && name.size() <= 60 && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-';
        });
    }

    static void add(std::vector<std::string>& to, std::string const& what) {
        if (to.size() < most_members && is_plain(what.substr(0, what.find('['))) &&
            std::ranges::find(to, what) == to.end()) {
            to.push_back(what);
        }
    }

    static type type_of(yaml_node const* schema) {
        auto const* given = member(schema, "type");
        auto word = text_of(given);
        if (given != nullptr &&
            given->what == yaml_node::kind::sequence) {  // 3.1: [string, "null"]
            for (auto const& each : given->items) {
                word = text_of(each.get()) == "null" ? word : text_of(each.get());
            }
        }
        if (word == "array" || (word.empty() && member(schema, "items") != nullptr)) {
            return type::list;
        }
        if (word == "object" || (word.empty() && member(schema, "properties") != nullptr)) {
            return type::object;
        }
        return word == "string" || word == "integer" || word == "number" || word == "boolean"
                   ? type::one_value
                   : type::unknown;
    }

    template <class Each>
    void each_property(yaml_node const* schema, int depth, Each const& each) {
        if (schema == nullptr || depth > deepest) {
            return;
        }
        if (auto const* properties = member(schema, "properties");
            properties != nullptr && properties->what == yaml_node::kind::map) {
            for (auto const& entry : properties->entries) {
                each(entry.key.value, open(entry.value.get()));
            }
        }
        for (auto const* const word : {"allOf", "oneOf", "anyOf"}) {
            auto const* list = member(schema, word);
            if (list == nullptr || list->what != yaml_node::kind::sequence) {
                continue;
            }
            for (auto const& one : list->items) {
                each_property(open(one.get()), depth + 1, each);
            }
        }
    }

    /// A list of ids, or of objects that have one.
    void add_list(std::string const& name, yaml_node const* items) {
        bool const is_named_so = name.empty() || bare(name).ends_with("ids") ||
                                 bare(name).ends_with("id") || bare(name) == "keys";
        if (type_of(items) == type::one_value) {
            if (is_named_so) {
                add_path(name + "[*]");
            }
            return;
        }
        each_property(items, 0, [&](std::string const& inner, yaml_node const* property) {
            if (bare(inner) == "id" && type_of(property) == type::one_value) {
                add_path(name + "[*]." + inner);
            }
        });
    }

    void add_path(std::string const& path) {
        if (std::ranges::find(out_.id_lists, path) == out_.id_lists.end()) {
            out_.id_lists.push_back(path);
        }
    }

    references& refs_;
    body_shape out_;
    std::size_t looked_at_ = 0;
};

}  // namespace

body_shape shape_of(yaml_node const* schema, references& refs) {
    return reader(refs).read(schema);
}

yaml_node const* json_schema(yaml_node const* content) {
    if (content == nullptr || content->what != yaml_node::kind::map) {
        return nullptr;
    }
    for (auto const& entry : content->entries) {
        std::string_view const type = entry.key.value;
        auto const plain = type.substr(0, type.find(';'));
        if (plain == "application/json" || plain.ends_with("+json") || plain == "*/*") {
            return member(entry.value.get(), "schema");
        }
    }
    return nullptr;
}

}  // namespace sidecache::config::init
