// Cuts a stream of bytes between nodes into frames: int32 size, then that many bytes.
//
// One per connection, stepped by its owner: push() what came in, then next() until it is empty. Memory follows what was
// really received, never what a size field promises; at most one frame of the bound and one push are held.
// For the control link, where a copy costs nothing. Kafka's connections keep their receive buffers instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace penstock::wire::node {

class FrameCutter {
public:
    explicit FrameCutter(uint32_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

    /// False when the stream is broken().
    bool push(std::span<const std::byte> bytes);

    /// The next whole frame, without its size. Valid until the next push() or reset().
    std::optional<std::span<const std::byte>> next();

    /// next() met a size that is negative or above the bound: nothing more can be read, close the connection.
    bool broken() const { return broken_; }
    /// For the next connection.
    void reset();

private:
    uint32_t frame_bytes_max_;
    bool broken_ = false;
    size_t at_ = 0;                  // where the next frame's size begins
    std::vector<std::byte> bytes_;
};

}  // namespace penstock::wire::node
