#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;  // NOLINT(readability-identifier-naming): hiredis's name

/// Replies as trees, for the few commands that answer with arrays in arrays (streams). What is
/// asked a thousand times a second goes through `resp_reader`, which copies nothing.
namespace sidecache::store {

struct resp_tree {
    enum class kind : std::uint8_t { nil, text, status, error, integer, array };
    kind what = kind::nil;
    std::string text;
    std::int64_t number = 0;
    std::vector<resp_tree> items;

    bool is_nil() const { return what == kind::nil; }
    bool is_text() const { return what == kind::text; }
    bool is_error() const { return what == kind::error; }
    bool is_array() const { return what == kind::array; }
    /// The element behind that name in a flat list of names and values; null: there is none.
    resp_tree const* find(std::string_view name) const;
};

/// Cuts a byte stream into trees. One connection's; one thread.
class tree_reader {
public:
    /// `most`: bytes of one reply; more is `too_large`.
    explicit tree_reader(std::size_t most);

    enum class status : std::uint8_t {
        complete,
        partial,
        too_large,
        broken,  ///< not RESP
    };
    void feed(std::string_view bytes);
    /// The next reply into `out`. `too_large` and `broken` are final.
    status next(resp_tree& out);

private:
    struct free_reader {
        void operator()(redisReader* r) const;
    };
    std::unique_ptr<redisReader, free_reader> reader_;
    std::size_t most_;
    std::size_t since_ = 0;  // bytes fed since the last complete reply
};

}  // namespace sidecache::store
