#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace sidecache::store {

/// How many chunks of one connection are there, the one that is being filled included.
struct chunk_count {
    std::size_t now = 0;
    /// From here on an entry is not worth a chunk (64 KiB) that it keeps from being filled again:
    /// clients that take their answers slowly may cost a connection some 2 MiB, not more.
    static constexpr std::size_t many = 32;
};

/// Memory that bytes from the network are read into, and that replies are views of: whoever looks
/// at such a view holds the chunk. Nothing is written to what has been read while there is a
/// holder. One thread.
class receive_chunk {
public:
    receive_chunk(std::size_t size, std::shared_ptr<chunk_count> count)
        : bytes_(std::make_unique_for_overwrite<char[]>(size)),
          size_(size),
          count_(std::move(count)) {
        ++count_->now;
    }
    receive_chunk(receive_chunk const&) = delete;
    receive_chunk& operator=(receive_chunk const&) = delete;
    ~receive_chunk() { --count_->now; }

    char* data() { return bytes_.get(); }
    char const* data() const { return bytes_.get(); }
    std::size_t size() const { return size_; }
    bool contains(char const* at) const { return at >= data() && at < data() + size_; }
    /// Whether so many are held already that who keeps a text for long should copy it.
    bool is_one_of_many() const { return count_->now > chunk_count::many; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
    std::shared_ptr<chunk_count> count_;
};

}  // namespace sidecache::store
