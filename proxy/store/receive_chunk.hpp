#pragma once

#include <cstddef>
#include <memory>

namespace sidecache::store {

/// Memory that bytes from the network are read into, and that replies are views of: whoever looks
/// at such a view holds the chunk. Nothing is written to what has been read while there is a
/// holder. One thread.
class receive_chunk {
public:
    explicit receive_chunk(std::size_t size)
        : bytes_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {}

    char* data() { return bytes_.get(); }
    char const* data() const { return bytes_.get(); }
    std::size_t size() const { return size_; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

}  // namespace sidecache::store
