#include "config/init/security.hpp"

#include "config/init/words.hpp"

namespace sidecache::config::init {

security_reader::security_reader(yaml_node const& root, references& refs)
    : root_(root), refs_(refs), schemes_(member(member(&root, "components"), "securitySchemes")) {
    if (schemes_ == nullptr) {
        schemes_ = member(&root, "securityDefinitions");  // Swagger 2.0
    }
}

void security_reader::apply(yaml_node const& node, operation& o) {
    auto const* asked = member(&node, "security");
    if (asked == nullptr) {
        asked = member(&root_, "security");
    }
    if (asked == nullptr || asked->what != yaml_node::kind::sequence) {
        // OpenAPI says that nothing is needed then; but it may just have been forgotten.
        o.caller = access::undeclared;
        return;
    }
    o.caller = access::open;
    for (auto const& alternative : asked->items) {
        for (auto const& entry : alternative->entries) {
            require(entry.key.value, o);
        }
    }
}

void security_reader::require(std::string const& name, operation& o) {
    auto const* scheme = refs_.follow(member(schemes_, name));
    auto const type = text_of(member(scheme, "type"));
    auto const in = text_of(member(scheme, "in"));
    auto const field = text_of(member(scheme, "name"));
    auto const http = text_of(member(scheme, "scheme"));
    used_.insert(for_comment(name) + (type.empty()
                                          ? ""
                                          : " (" + for_comment(type) + (http.empty() ? "" : " ") +
                                                for_comment(http) + ")"));
    std::string unseen;
    if (type == "apiKey" && in == "header" && bare(field) != "authorization" &&
        bare(field) != "cookie") {
        unseen = "the field " + for_comment(field);
    } else if (type == "apiKey" && in == "query") {
        unseen = "the query parameter " + for_comment(field);
    } else if (type == "mutualTLS") {
        unseen = "a client certificate";
    }
    if (!unseen.empty()) {
        o.caller = access::unseen;
        o.unseen = unseen;
    } else if (o.caller != access::unseen) {
        o.caller = access::credential;
    }
}

}  // namespace sidecache::config::init
