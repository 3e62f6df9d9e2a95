#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The forms of a request path. Reads are taken literally or not at all; mutations in every form
/// that some backend might take for the same resource.
namespace sidecache::rules {

/// Whether a path leaves open which resource a backend will see: dot or empty segments, a trailing
/// slash, encoded slashes or backslashes or NUL, ';', '#', backslash, controls, bad
/// percent-encoding. Such a request is forwarded as it came and never cached (design.md section 2).
bool is_odd_path(std::string_view path);

/// Appends the plain form that a lenient backend would see: encoded slashes and dots decoded,
/// backslashes as slashes, `;params` cut, dot segments resolved, empty segments and a trailing
/// slash dropped. Other percent-encodings stay.
void append_lenient_form(std::string& out, std::string_view path);

/// A path's segments, views into it: "/" has none, "/a/b" has "a", "b", "/a/" has "a", "".
class path_segments {
public:
    static constexpr std::size_t limit = 64;

    /// Keeps at most `limit` segments; `too_many` tells when there were more.
    explicit path_segments(std::string_view path);
    /// The segments of a request's path, and in the same look whether it `is_odd_path`; an odd
    /// one's segments are not all there.
    static path_segments read(std::string_view path, bool& odd);

    std::size_t size() const { return count_; }
    std::string_view operator[](std::size_t i) const {
        return {path_.data() + begins_[i], begins_[i + 1] - begins_[i] - 1};
    }
    bool too_many() const { return too_many_; }
    std::string_view text() const { return path_; }
    /// From `read`: the path is its own tag (`append_path_tag`).
    bool is_own_tag() const { return is_own_tag_; }
    /// The path's text from segment `i` to its end.
    std::string_view rest_from(std::size_t i) const;

private:
    path_segments() = default;
    void end_segment(std::size_t end);

    std::string_view path_;
    // Left as they are but for those that are used: every request has these.
    std::array<std::uint32_t, limit + 1> begins_;  // and one behind the last one's end
    std::uint32_t count_ = 0;
    bool too_many_ = false;
    bool is_own_tag_ = false;
};

/// Whether a raw segment and a literal in normal form are the same (RFC 3986 section 6.2.2).
bool equals_normal_form(std::string_view raw, std::string_view literal);

/// The same, decoding everything and ignoring the case of ASCII letters.
bool equals_leniently(std::string_view raw, std::string_view literal);

/// Appends the text behind `path:` of `rule_set::path_tag`.
void append_path_tag(std::string& out, std::string_view path);

}  // namespace sidecache::rules
