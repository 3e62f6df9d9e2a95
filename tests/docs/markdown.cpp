#include "tests/docs/markdown.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace sidecache::tests {
namespace {

namespace fs = std::filesystem;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// The links of one line, code spans skipped.
void add_links(std::string_view line, std::size_t number, std::vector<markdown_link>& out) {
    bool in_code = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '`') {
            in_code = !in_code;
        } else if (!in_code && line.substr(i).starts_with("](")) {
            auto const end = line.find(')', i);
            if (end == std::string_view::npos) {
                return;
            }
            out.push_back({std::string(line.substr(i + 2, end - i - 2)), number});
            i = end;
        }
    }
}

std::vector<markdown_page> read_all() {
    fs::path const root(SIDECACHE_SOURCE);
    std::vector<markdown_page> pages;
    for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
         ++it) {
        auto const name = it->path().filename().string();
        if (it->is_directory() &&
            (name == "build" || name == "node_modules" || name.starts_with('.'))) {
            it.disable_recursion_pending();
        } else if (name.ends_with(".md")) {
            std::ifstream in(it->path());
            std::ostringstream all;
            all << in.rdbuf();
            pages.push_back(parse_markdown(fs::relative(it->path(), root).string(), all.str()));
        }
    }
    std::ranges::sort(pages, {}, &markdown_page::path);
    return pages;
}

}  // namespace

std::string anchor_of(std::string_view heading) {
    std::string out;
    for (char c : heading) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
        if (c == ' ') {
            out += '-';
        } else if (is_alphanumeric(c) || c == '-' || c == '_' ||
                   static_cast<unsigned char>(c) >= 0x80) {
            out += c;
        }
    }
    return out;
}

markdown_page parse_markdown(std::string path, std::string text) {
    markdown_page out{std::move(path), std::move(text), {}, {}, {}};
    std::istringstream in(out.text);
    std::string heading;
    bool in_block = false;
    std::size_t indent = 0;  // of the block: in a list it stands under the item's text
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        auto const margin = std::min(line.find_first_not_of(' '), line.size());
        if (std::string_view(line).substr(margin).starts_with("```")) {
            in_block = !in_block;
            if (in_block) {
                indent = margin;
                out.blocks.push_back({line.substr(margin + 3), "", number, heading});
            }
        } else if (in_block) {
            out.blocks.back().text += line.substr(std::min(indent, margin)) + '\n';
        } else if (line.starts_with('#')) {
            auto const begin = line.find_first_not_of('#');
            heading = begin == std::string::npos ? "" : line.substr(begin + 1);
            auto const anchor = anchor_of(heading);
            // The second heading of a name is name-1.
            auto const twins = std::ranges::count(out.anchors, anchor);
            out.anchors.push_back(twins == 0 ? anchor : anchor + "-" + std::to_string(twins));
        } else {
            add_links(line, number, out.links);
        }
    }
    return out;
}

std::vector<markdown_page> const& all_pages() {
    static auto const pages = read_all();
    return pages;
}

markdown_page const& page(std::string_view path) {
    auto const it = std::ranges::find(all_pages(), path, &markdown_page::path);
    if (it == all_pages().end()) {
        throw std::runtime_error("no page " + std::string(path));
    }
    return *it;
}

}  // namespace sidecache::tests
