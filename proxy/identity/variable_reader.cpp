#include "proxy/identity/variable_reader.hpp"

#include <utility>
#include <variant>

namespace sidecache::identity {

variable_reader::variable_reader(std::vector<config::identity_variable> const& vars) {
    for (auto const& v : vars) {
        auto path = rules::json_path::parse(v.path);
        names_.push_back(v.name);
        paths_.push_back(std::get<rules::json_path>(std::move(path)));
    }
}

std::shared_ptr<verified const> variable_reader::read(std::string_view json) const {
    std::vector<rules::json_path const*> wanted;
    wanted.reserve(paths_.size());
    for (auto const& path : paths_) {
        wanted.push_back(&path);
    }
    auto found = rules::read_json(json, wanted);
    std::vector<std::pair<std::string, std::string>> values;
    values.reserve(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].what != rules::json_values::outcome::found || found[i].values.size() != 1 ||
            found[i].values.front().empty() || found[i].values.front().size() > max_variable) {
            return nullptr;
        }
        values.emplace_back(names_[i], std::move(found[i].values.front()));
    }
    return std::make_shared<verified const>(std::move(values));
}

}  // namespace sidecache::identity
