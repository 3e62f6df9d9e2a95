// Looks at a file that changes in the ways in which files change.
#include "config/file_watch.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

namespace sidecache::tests {
namespace {

namespace fs = std::filesystem;
using config::file_watch;
using change = config::file_watch::change;

/// A folder of its own that goes with the test.
class folder {
public:
    folder() {
        std::string name = (fs::temp_directory_path() / "file-watch-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        at_ = name;
    }
    ~folder() { fs::remove_all(at_); }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;

    fs::path operator/(std::string const& name) const { return at_ / name; }
    void write(std::string const& name, std::string const& text) const {
        fs::create_directories((at_ / name).parent_path());
        std::ofstream(at_ / name, std::ios::trunc) << text;
    }

private:
    fs::path at_;
};

}  // namespace

TEST_CASE("a changed file counts when two looks in a row have found it the same, and once") {
    folder f;
    f.write("a.yaml", "one");
    file_watch watch((f / "a.yaml").string(), "one");
    CHECK(watch.look() == change::none);
    f.write("a.yaml", "two");
    CHECK(watch.look() == change::none);
    CHECK(watch.look() == change::changed);
    CHECK(watch.look() == change::none);
}

TEST_CASE("a file that is being written is left alone until it is whole") {
    folder f;
    f.write("a.yaml", "one");
    file_watch watch((f / "a.yaml").string(), "one");
    for (auto const* half : {"", "t", "tw", "two"}) {
        f.write("a.yaml", half);
        CHECK(watch.look() == change::none);
    }
    CHECK(watch.look() == change::changed);
}

TEST_CASE("a file that was changed back, or was read for another reason, has not changed") {
    folder f;
    f.write("a.yaml", "two");
    file_watch watch((f / "a.yaml").string(), "one");
    CHECK(watch.look() == change::none);
    SUBCASE("changed back") {
        f.write("a.yaml", "one");
    }
    SUBCASE("SIGHUP came in between") {
        watch.took("two");
    }
    CHECK(watch.look() == change::none);
    CHECK(watch.look() == change::none);
}

TEST_CASE("Kubernetes turns the link ..data to a new folder: a change, whatever the times say") {
    folder f;
    f.write("..2026_a/a.yaml", "one");
    f.write("..2026_b/a.yaml", "two");
    fs::last_write_time(f / "..2026_b/a.yaml", fs::last_write_time(f / "..2026_a/a.yaml"));
    fs::create_directory_symlink("..2026_a", f / "..data");
    fs::create_symlink("..data/a.yaml", f / "a.yaml");
    file_watch watch((f / "a.yaml").string(), "one");
    CHECK(watch.look() == change::none);
    fs::create_directory_symlink("..2026_b", f / "..data_tmp");
    fs::rename(f / "..data_tmp", f / "..data");
    fs::remove_all(f / "..2026_a");
    CHECK(watch.look() == change::none);
    CHECK(watch.look() == change::changed);
}

TEST_CASE("a file that is gone for a while is said once, and is no change when it comes back") {
    folder f;
    f.write("a.yaml", "one");
    file_watch watch((f / "a.yaml").string(), "one");
    fs::remove(f / "a.yaml");
    CHECK(watch.look() == change::unreadable);
    CHECK(watch.look() == change::none);
    f.write("a.yaml", "one");
    CHECK(watch.look() == change::none);
    CHECK(watch.look() == change::none);
    fs::remove(f / "a.yaml");
    CHECK(watch.look() == change::unreadable);
    f.write("a.yaml", "two");
    CHECK(watch.look() == change::none);
    CHECK(watch.look() == change::changed);
}

}  // namespace sidecache::tests
