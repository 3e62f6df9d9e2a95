#include "tests/consistency/decode.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <exception>

namespace sidecache::consistency {
namespace json = boost::json;

namespace {

shown one_of(json::value const& v) {
    return {v.at("id").as_int64(),
            v.at("version").as_int64(),
            v.at("organizationId").as_int64(),
            v.at("schemaId").as_int64(),
            v.at("priceCents").as_int64()};
}

}  // namespace

content decode(register_kind what, int status, std::string_view body) {
    content out;
    if (status != 200) {
        return out;
    }
    try {
        auto const v = json::parse(json::string_view(body.data(), body.size()));
        if (what == register_kind::product || what == register_kind::summary) {
            out.products.push_back(one_of(v));
            return out;
        }
        for (auto const& item : v.at("items").as_array()) {
            out.products.push_back(one_of(item));
        }
        if (what == register_kind::page) {
            out.complete =
                v.at("total").as_int64() == static_cast<std::int64_t>(out.products.size());
        }
    } catch (std::exception const&) {
        out.understood = false;
    }
    return out;
}

std::size_t content_table::number_of(register_kind what, int status, std::string_view body) {
    std::string name;
    name.reserve(body.size() + 8);
    name += static_cast<char>('0' + static_cast<int>(what));
    name += std::to_string(status);
    name += body;
    std::lock_guard const lock(mutex_);
    auto const [at, fresh] = numbers_.emplace(std::move(name), contents_.size());
    if (fresh) {
        contents_.push_back(decode(what, status, body));
    }
    return at->second;
}

std::vector<content> content_table::take() {
    std::lock_guard const lock(mutex_);
    numbers_.clear();
    return std::move(contents_);
}

}  // namespace sidecache::consistency
