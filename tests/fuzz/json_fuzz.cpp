#include "proxy/identity/jwt_json.hpp"
#include "rules/json_path.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

using namespace sidecache::rules;

namespace {

using outcome = json_values::outcome;

void must(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// What a document tree holds under a path of names and indices; null when there is nothing.
boost::json::value const* look_up(boost::json::object const& top, json_path const& path) {
    boost::json::value const* at = top.if_contains(path.steps[0].name);
    for (std::size_t i = 1; at != nullptr && i < path.steps.size(); ++i) {
        auto const& step = path.steps[i];
        if (step.what == json_path::step::kind::member) {
            auto const* object = at->if_object();
            at = object == nullptr ? nullptr : object->if_contains(step.name);
        } else {
            auto const* array = at->if_array();
            at = array == nullptr ? nullptr : array->if_contains(step.index);
        }
    }
    return at;
}

/// Where nothing is ambiguous, reading in one pass finds what a document tree holds.
void agrees(json_values const& read, boost::json::value const* there) {
    if (there == nullptr || !(there->is_string() || there->is_int64() || there->is_bool())) {
        // An integer beyond 63 bits, or written as a double, may be found all the same.
        must(read.what != outcome::found || (there != nullptr && there->is_number()));
        return;
    }
    must(read.what == outcome::found && read.values.size() == 1);
    if (auto const* text = there->if_string()) {
        must(read.values[0] == std::string_view(text->data(), text->size()));
    } else if (auto const* flag = there->if_bool()) {
        must(read.values[0] == (*flag ? "true" : "false"));
    } else {
        must(read.values[0] == std::to_string(there->get_int64()));
    }
}

}  // namespace

/// A path, a line end, and any bytes as JSON: what bodies, responses and tokens are read with.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input(reinterpret_cast<char const*>(data), size);
    auto const end = std::min(input.find('\n'), input.size());
    auto const text = input.substr(std::min(end + 1, input.size()));
    auto const parsed = json_path::parse(input.substr(0, end));
    auto const* path = std::get_if<json_path>(&parsed);
    if (path == nullptr) {
        return 0;
    }
    auto const other = std::get<json_path>(json_path::parse(".id"));
    auto const both = read_json(text, {path, &other});
    must(both.size() == 2);
    auto const alone = read_json(text, {path});
    must(alone.size() == 1);
    must(both[0].what == alone[0].what && both[0].values == alone[0].values);
    must((alone[0].what == outcome::found) == !alone[0].values.empty());
    must(path->fans_out() || alone[0].values.size() <= 1);
    must(alone[0].values.size() <= max_fan_out);

    auto const tree = sidecache::identity::parse_strict_object(text);
    if (tree && !path->fans_out() && path->steps[0].what == json_path::step::kind::member) {
        agrees(alone[0], look_up(*tree, *path));
    }
    return 0;
}
