#include "proxy/command/purge.hpp"

#include "proxy/command/print.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <vector>

namespace sidecache::command {

namespace json = boost::json;

std::string purge_text(std::string_view reply) {
    boost::system::error_code ec;
    auto const parsed = json::parse(reply, ec);
    auto const* purged =
        !ec && parsed.is_object() ? parsed.as_object().if_contains("purged") : nullptr;
    if (purged == nullptr || !purged->is_object()) {
        return "purged\n";
    }
    std::vector<std::string> tags;
    if (auto const* list = purged->as_object().if_contains("tags");
        list != nullptr && list->is_array()) {
        for (auto const& tag : list->as_array()) {
            if (tag.is_string()) {
                tags.push_back(
                    harmless(std::string_view(tag.as_string().data(), tag.as_string().size())));
            }
        }
    }
    std::string out = "purged on every replica\n" + labelled("tags", tags);
    if (auto const* keys = purged->as_object().if_contains("keys");
        keys != nullptr && keys->is_number()) {
        out += labelled("removed",
                        json::serialize(*keys) + " keys at once, any others in the background");
    }
    return out;
}

int purge(purge_options const& asked) {
    json::object body;
    body[asked.kind] = asked.name;
    auto const reply = ask_admin(asked.where, "/purge", json::serialize(body));
    if (auto const* why = std::get_if<std::string>(&reply)) {
        to_stderr("sidecache purge: " + *why + "\n");
        return 1;
    }
    auto const& answer = std::get<admin_reply>(reply);
    if (answer.status != 200) {
        to_stderr("sidecache purge: " + refusal_of(answer) + "\n");
        return 1;
    }
    to_stdout(purge_text(answer.body));
    return 0;
}

}  // namespace sidecache::command
