#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sidecache::tests {

/// A private folder below the system's temporary folder, removed with all it holds at the end.
class temp_dir {
public:
    temp_dir();
    ~temp_dir();
    temp_dir(temp_dir const&) = delete;
    temp_dir& operator=(temp_dir const&) = delete;

    std::filesystem::path const& path() const { return path_; }
    /// Writes (or replaces) a file in it and returns its full name.
    std::string write(std::string_view name, std::string_view content) const;

private:
    std::filesystem::path path_;
};

}  // namespace sidecache::tests
