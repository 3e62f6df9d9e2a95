#pragma once

#include <optional>
#include <string>

namespace sidecache::config {

/// Finds out that a configuration file says something else, by reading it: whatever replaced it (an
/// editor, a rename, the symbolic link that Kubernetes turns to a new folder), and on file systems
/// that tell nobody. One thread.
class file_watch {
public:
    enum class change {
        none,
        changed,     ///< it says something new, and said the same at the look before
        unreadable,  ///< it could be read at the look before; reported once
    };

    /// `text`: what was loaded; nullopt when it could not be read.
    file_watch(std::string path, std::optional<std::string> text);

    /// One look. A file that is being written says something else at every look: only what two
    /// looks in a row have found alike counts, so that half a file, which may be a valid one with
    /// half of the purges, is not taken. Each text is reported once, good or bad.
    change look();

    /// The file was loaded for another reason (SIGHUP), and said this.
    void took(std::optional<std::string> text);

private:
    std::string path_;
    std::optional<std::string> known_;
    std::optional<std::string> candidate_;
    bool is_readable_ = true;
};

}  // namespace sidecache::config
