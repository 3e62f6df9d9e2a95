#include "config/init/openapi.hpp"

#include "config/init/references.hpp"
#include "config/init/schema_members.hpp"
#include "config/init/security.hpp"
#include "config/init/words.hpp"
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace sidecache::config::init {
namespace {

using std::string_view;

constexpr yaml_limits limits{.size = 16U << 20U, .depth = 128, .nodes = 1'000'000};
constexpr std::size_t most_operations = 1'000;
constexpr std::size_t most_parameters = 100;

constexpr std::array<std::pair<string_view, string_view>, 5> methods{
    {{"get", "GET"}, {"post", "POST"}, {"put", "PUT"}, {"patch", "PATCH"}, {"delete", "DELETE"}}};

/// JSON is YAML, but for letters beyond 16 bits, which JSON writes as two halves.
std::string with_whole_letters(string_view json) {
    auto const half = [&](std::size_t at, unsigned least) -> unsigned {
        if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') {
            return 0;
        }
        unsigned value = 0;
        for (auto const c : json.substr(at + 2, 4)) {
            unsigned const digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                                   : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                                   : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                          : 0x10000U;
            value = value * 16 + digit;
        }
        return value >= least && value < least + 0x400 ? value : 0;
    };
    std::string out;
    out.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        auto const first = half(i, 0xD800);
        if (first != 0) {
            auto const second = half(i + 6, 0xDC00);
            out += "\\u003F";  // no name or path is made of such letters
            i += second != 0 ? 11 : 5;
        } else if (json[i] == '\\' && i + 1 < json.size()) {
            out += json[i];
            out += json[++i];
        } else if (half(i, 0xDC00) != 0) {
            out += "\\u003F";
            i += 5;
        } else {
            out += json[i];
        }
    }
    return out;
}

/// "/api/v1" of "https://example.com/api/v1/" or "/api/v1": what requests' paths begin with.
std::string path_of_url(string_view url) {
    if (auto const scheme = url.find("://"); scheme != url.npos) {
        auto const slash = url.find('/', scheme + 3);
        url = slash == url.npos ? string_view() : url.substr(slash);
    }
    url = url.substr(0, url.find_first_of("?#"));
    while (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    return std::string(url);
}

class reader {
public:
    reader(yaml_node const& root, reading const& how, report& out)
        : root_(root), how_(how), out_(out), refs_(root, out), security_(root, refs_) {}

    std::optional<api> read() {
        if (!is_known_version()) {
            return std::nullopt;
        }
        auto const* info = member(&root_, "info");
        api_.title = text_of(member(info, "title"));
        api_.version = text_of(member(info, "version"));
        api_.base_path = how_.base_path ? path_of_url(*how_.base_path) : base_path();
        if (!api_.base_path.empty() && !api_.base_path.starts_with('/')) {
            api_.base_path.insert(0, "/");
        }
        auto const* paths = member(&root_, "paths");
        if (paths == nullptr || paths->what != yaml_node::kind::map) {
            out_.error(root_.at, "there are no `paths`", "an API without routes needs no cache");
            return std::nullopt;
        }
        for (auto const& entry : paths->entries) {
            if (!entry.key.value.starts_with("x-")) {
                read_path(entry);
            }
        }
        api_.security = security_.used();
        return std::move(api_);
    }

private:
    bool is_known_version() {
        auto const* openapi = member(&root_, "openapi");
        auto const* swagger = member(&root_, "swagger");
        auto const version = text_of(openapi != nullptr ? openapi : swagger);
        is_swagger_ = openapi == nullptr && version.starts_with("2.");
        if (is_swagger_ || (openapi != nullptr && version.starts_with("3."))) {
            return true;
        }
        if (openapi == nullptr && swagger == nullptr) {
            out_.error(root_.at,
                       "this is no OpenAPI file: neither `openapi` nor `swagger` says its version",
                       "write openapi: 3.0.3, or 3.1.0, or swagger: \"2.0\"");
        } else {
            out_.error((openapi != nullptr ? openapi : swagger)->at,
                       "version " + quoted(version) + " is not understood",
                       "OpenAPI 3.0, OpenAPI 3.1 and Swagger 2.0 are");
        }
        return false;
    }

    std::string base_path() {
        if (is_swagger_) {
            return path_of_url(text_of(member(&root_, "basePath")));
        }
        auto const* servers = member(&root_, "servers");
        if (servers == nullptr || servers->items.empty()) {
            return {};
        }
        auto const first = server_path(servers->items.front().get());
        for (auto const& other : servers->items) {
            if (auto const path = server_path(other.get()); path != first) {
                out_.warning(other->at,
                             "servers differ in their path: " + quoted(first) + " is taken, not " +
                                 quoted(path),
                             "say --base PATH for another one");
                break;
            }
        }
        return first;
    }

    static std::string server_path(yaml_node const* server) {
        auto url = text_of(member(server, "url")).substr(0, 2'000);
        auto const* variables = member(server, "variables");
        for (std::size_t open = url.find('{'); open != std::string::npos;) {
            auto const close = url.find('}', open);
            if (close == std::string::npos) {
                break;
            }
            auto const name = url.substr(open + 1, close - open - 1);
            auto const value = text_of(member(member(variables, name), "default")).substr(0, 200);
            url.replace(open, close - open + 1, value);
            open = url.find('{', open + value.size());
        }
        return path_of_url(url);
    }

    void read_path(yaml_entry const& entry) {
        auto const& path = entry.key;
        if (!path.value.starts_with('/')) {
            out_.warning(
                path.at, "the path " + quoted(path.value) + " does not begin with '/'", "");
            return;
        }
        auto const whole = api_.base_path + path.value;
        bool const is_wanted =
            how_.only.empty() || std::ranges::any_of(how_.only, [&](std::string const& each) {
                return whole.starts_with(each);
            });
        auto const* item = refs_.follow(entry.value.get());
        if (!is_wanted || item == nullptr) {
            return;
        }
        for (auto const& [key, method] : methods) {
            auto const* node = refs_.follow(member(item, key));
            if (node == nullptr || node->what != yaml_node::kind::map) {
                continue;
            }
            if (api_.operations.size() == most_operations) {
                if (!std::exchange(is_full_, true)) {
                    out_.error(path.at,
                               "there are more than 1000 routes",
                               "name the part that is worth caching: --only /products");
                }
                return;
            }
            read_operation(std::string(method), {whole, path.at}, *item, *node);
        }
    }

    void read_operation(std::string method,
                        rules::located<std::string> const& path,
                        yaml_node const& item,
                        yaml_node const& node) {
        operation o;
        o.method = std::move(method);
        o.path = path.value;
        o.at = node.at.line != 0 ? node.at : path.at;
        o.id = text_of(member(&node, "operationId"));
        read_parameters(member(&node, "parameters"), o);
        read_parameters(member(&item, "parameters"), o);
        security_.apply(node, o);
        read_body(node, o);
        read_answers(node, o);
        api_.operations.push_back(std::move(o));
    }

    /// Those of the operation come first: they stand above the path's.
    void read_parameters(yaml_node const* list, operation& o) {
        if (list == nullptr || list->what != yaml_node::kind::sequence) {
            return;
        }
        for (auto const& each : list->items) {
            auto const* node = refs_.follow(each.get());
            if (node == nullptr || o.parameters.size() == most_parameters) {
                continue;
            }
            auto const place = text_of(member(node, "in"));
            if (place == "body" || place == "formData") {  // Swagger 2.0
                o.has_body = true;
                take_body(member(node, "schema"), o);
            } else {
                add_parameter(*node, place, o);
            }
        }
    }

    void add_parameter(yaml_node const& node, string_view place, operation& o) {
        constexpr std::array<string_view, 4> places{"path", "query", "header", "cookie"};
        auto const known = std::ranges::find(places, place);
        parameter p;
        p.name = text_of(member(&node, "name"));
        if (known == places.end() || p.name.empty()) {
            return;
        }
        p.in = static_cast<parameter::place>(known - places.begin());
        auto const is_same = [&](parameter const& other) {
            return other.in == p.in && other.name == p.name;
        };
        if (std::ranges::any_of(o.parameters, is_same)) {
            return;
        }
        p.is_required = text_of(member(&node, "required")) == "true";
        auto const* schema = refs_.follow(member(&node, "schema"));
        schema = schema == nullptr ? &node : schema;
        auto const type = text_of(member(schema, "type"));
        p.has_many = type == "object" || (type == "array" && comes_many_times(node));
        auto const* fallback = member(schema, "default");
        if (fallback != nullptr && fallback->what == yaml_node::kind::scalar) {
            p.fallback = fallback->text;
        }
        o.parameters.push_back(std::move(p));
    }

    bool comes_many_times(yaml_node const& node) const {
        if (is_swagger_) {
            return text_of(member(&node, "collectionFormat")) == "multi";
        }
        auto const style = text_of(member(&node, "style"));
        auto const explode = text_of(member(&node, "explode"));
        return explode == "true" || (explode.empty() && (style.empty() || style == "form"));
    }

    void take_body(yaml_node const* schema, operation& o) {
        auto shape = shape_of(schema, refs_);
        o.body_members = std::move(shape.members);
        o.id_lists = std::move(shape.id_lists);
    }

    void read_body(yaml_node const& node, operation& o) {
        auto const* body = refs_.follow(member(&node, "requestBody"));
        if (body != nullptr) {
            o.has_body = true;
            take_body(json_schema(member(body, "content")), o);
        }
    }

    void read_answers(yaml_node const& node, operation& o) {
        auto const* answers = member(&node, "responses");
        if (answers == nullptr || answers->what != yaml_node::kind::map) {
            return;
        }
        for (auto const& entry : answers->entries) {
            if (!entry.key.value.starts_with('2') && entry.key.value != "default") {
                continue;
            }
            auto const* answer = refs_.follow(entry.value.get());
            auto const* content = member(answer, "content");
            o.streams = o.streams || member(content, "text/event-stream") != nullptr;
            auto const* schema = is_swagger_ ? member(answer, "schema") : json_schema(content);
            if (schema != nullptr && o.answer_members.empty()) {
                o.answer_members = shape_of(schema, refs_).members;
            }
        }
    }

    yaml_node const& root_;
    reading const& how_;
    report& out_;
    references refs_;
    security_reader security_;
    api api_;
    bool is_swagger_ = false;
    bool is_full_ = false;
};

}  // namespace

std::optional<api> read_openapi(string_view text, reading const& how, report& out) {
    auto const start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    bool const is_json = start != text.npos && text[start] == '{';
    auto const root = is_json ? parse_yaml(with_whole_letters(text), {}, out, limits)
                              : parse_yaml(text, {}, out, limits);
    return root ? reader(*root, how, out).read() : std::nullopt;
}

}  // namespace sidecache::config::init
