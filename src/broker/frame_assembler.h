// Cuts the bytes of one connection into frames, over a chain of buffers, copying only what is not worth a buffer.
//
//     int32 size | size bytes | int32 size | ...
//
// Stepped by its connection: on_received() for each buffer, then next() until it asks for something. A frame reserves
// its size before its first byte is stored, and keeps it until release().
// What stays in lent buffers: large pieces, while the shard has buffers to spare. Everything else moves to blocks.
// What it does not do: headers, or what a frame means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "broker/frame_memory.h"

namespace penstock::broker {

/// A whole frame (without its size field). Its memory is given back by FrameAssembler::release().
struct Frame {
    std::vector<Fragment> fragments;
    std::vector<HeldBuffer*> buffers;
    uint32_t reserved = 0;

    /// Its first two bytes, which may lie in two fragments.
    int16_t api_key() const;
};

enum class FrameStatus : uint8_t {
    bytes_wanted,    ///< nothing to do before more is received
    memory_wanted,   ///< a frame began that cannot be reserved now: try again later
    ready,           ///< take() it
    malformed,       ///< negative, too small or too large: no way to go on
};

class FrameAssembler {
public:
    FrameAssembler(FrameMemory& memory, uint32_t frame_bytes_max);
    ~FrameAssembler();
    FrameAssembler(const FrameAssembler&) = delete;
    FrameAssembler& operator=(const FrameAssembler&) = delete;

    void on_received(const io::ReceiveBuffer& buffer);

    FrameStatus next();
    /// The frame is still here while it is ready: look before you take it.
    const Frame& ready() const { return frame_; }
    /// Moves the ready frame into `out`, whose old vectors are used again.
    void take(Frame& out);
    static void release(Frame& frame, FrameMemory& memory);

    /// The rest will not be looked at for a while: copies it out of the lent buffers when these run low. False: there
    /// is no memory for that either, the connection has to go.
    bool settle();

    bool has_input() const { return input_head_ < input_.size(); }   ///< bytes that next() did not reach
    uint32_t frame_size() const { return frame_size_; }              ///< of the frame that has begun, or 0
    /// A frame has begun, and its next bytes are the peer's to send.
    bool half_received() const { return size_filled_ > 0 && status_ == FrameStatus::bytes_wanted; }

private:
    struct Piece {
        HeldBuffer* buffer;
        uint32_t offset;
        bool backlog;   ///< its block is counted as backlog
    };

    FrameStatus read_size();
    FrameStatus read_body();
    void store(uint32_t bytes);
    void copy_in(const std::byte* from, uint32_t bytes);
    void consume(uint32_t bytes);

    FrameMemory& memory_;
    const uint32_t frame_bytes_max_;
    FrameStatus status_ = FrameStatus::bytes_wanted;

    std::vector<Piece> input_;   ///< from input_head_ on
    size_t input_head_ = 0;

    std::byte size_bytes_[4] = {};
    uint32_t size_filled_ = 0;
    uint32_t frame_size_ = 0, frame_filled_ = 0;
    Frame frame_;
    HeldBuffer* open_block_ = nullptr;  ///< the last of the frame's buffers, when it is a block with room
};

}  // namespace penstock::broker
