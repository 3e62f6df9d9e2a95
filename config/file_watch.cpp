#include "config/file_watch.hpp"

#include "config/file_text.hpp"

#include <utility>
#include <variant>

namespace sidecache::config {

file_watch::file_watch(std::string path, std::optional<std::string> text)
    : path_(std::move(path)), known_(std::move(text)) {}

file_watch::change file_watch::look() {
    auto now = read_text(path_);
    if (std::holds_alternative<std::error_code>(now)) {
        candidate_.reset();
        return std::exchange(is_readable_, false) ? change::unreadable : change::none;
    }
    is_readable_ = true;
    auto& text = std::get<std::string>(now);
    if (text == known_) {
        candidate_.reset();
        return change::none;
    }
    if (text != candidate_) {
        candidate_ = std::move(text);
        return change::none;
    }
    known_ = std::move(candidate_);
    candidate_.reset();
    return change::changed;
}

void file_watch::took(std::optional<std::string> text) {
    known_ = std::move(text);
    candidate_.reset();
}

}  // namespace sidecache::config
