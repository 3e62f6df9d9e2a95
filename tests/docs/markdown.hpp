#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// As much of Markdown as this project's pages use.
namespace sidecache::tests {

/// A fenced block: ```language, its lines, ```.
struct code_block {
    std::string language;
    std::string text;
    std::size_t line = 0;  ///< of the opening fence, from 1
    std::string heading;   ///< the nearest one above, without its marks
};

/// An inline link outside code: [text](target).
struct markdown_link {
    std::string target;
    std::size_t line = 0;
};

struct markdown_page {
    std::string path;  ///< from the root of the repository: "proxy/telemetry/README.md"
    std::string text;
    std::vector<code_block> blocks;
    std::vector<markdown_link> links;
    std::vector<std::string> anchors;  ///< of its headings, as GitHub makes them
};

/// The anchor of a heading: lower case, spaces become hyphens, punctuation goes.
std::string anchor_of(std::string_view heading);

markdown_page parse_markdown(std::string path, std::string text);

/// Every *.md of the repository, by path; what is built or installed beside it left out.
std::vector<markdown_page> const& all_pages();

/// Throws std::runtime_error when there is no such page.
markdown_page const& page(std::string_view path);

}  // namespace sidecache::tests
