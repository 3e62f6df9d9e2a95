#include "tests/support/stack.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace sidecache::tests {
namespace {

std::string section(std::string_view name, std::string url, std::string_view more) {
    std::string out(name);
    out += ": {url: \"" + url + "\"";
    if (!more.empty()) {
        out.append(", ").append(more);
    }
    return out + "}\n";
}

}  // namespace

std::string shipped_rules() {
    std::ifstream in(std::string(SOURCE_FOLDER) + "/config/products.yaml");
    std::string const all{std::istreambuf_iterator<char>(in), {}};
    auto const at = all.find("\nidentity:");
    if (at == std::string::npos) {
        throw std::runtime_error("config/products.yaml has no identity");
    }
    return all.substr(at + 1);
}

std::string open_rules() {
    auto text = shipped_rules();
    text.erase(0, text.find("\nrules:") + 1);
    auto const replace = [&](std::string_view from, std::string_view to) {
        for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
            text.replace(at, from.size(), to);
        }
    };
    replace("    partition: [orgId]\n", "    partition: none\n");
    replace("identity.orgId", "header.X-Org-Id");
    return text;
}

stack::stack(stack_options options)
    : options_(std::move(options)), backend_(options_.products, options_.users) {
    if (options_.store_url.empty()) {
        redis_.emplace(options_.redis_arguments);
    }
    for (int i = 0; i < options_.replicas; ++i) {
        add_replica();
    }
}

std::size_t stack::add_replica() {
    auto const i = replicas_.size();
    if (options_.store_relays) {
        store_relays_.emplace_back(redis_->port());
    }
    if (options_.upstream_relays) {
        upstream_relays_.emplace_back(backend_.port());
    }
    replicas_.emplace_back(yaml(i));
    return i;
}

std::string stack::yaml(std::size_t i, std::string_view rules) const {
    auto const local = [](std::string_view scheme, std::uint16_t port) {
        return std::string(scheme) + "127.0.0.1:" + std::to_string(port);
    };
    auto const upstream =
        options_.upstream_relays ? local("http://", upstream_relays_.at(i).port()) : backend_.url();
    auto const store = !options_.store_url.empty() ? options_.store_url
                       : options_.store_relays
                           ? local("redis://", store_relays_.at(i).port()) + "/0"
                           : redis_->url();
    std::string text = "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\n";
    text += section("upstream", upstream, options_.upstream);
    text += section("store", store, options_.store);
    text += options_.settings;
    if (!rules.empty()) {
        text += rules;
    } else {
        text += !options_.rules.empty() ? options_.rules
                : options_.is_verified  ? shipped_rules()
                                        : open_rules();
    }
    return text;
}

}  // namespace sidecache::tests
