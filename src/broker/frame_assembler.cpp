#include "broker/frame_assembler.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "limits.h"

namespace penstock::broker {

namespace {
constexpr uint32_t frame_bytes_min = 8;  // key, version, correlation id: no request is smaller
}

int16_t Frame::api_key() const {
    std::byte bytes[2] = {};
    size_t filled = 0;
    for (const Fragment& fragment : fragments)
        for (uint32_t i = 0; i < fragment.size && filled < 2; ++i) bytes[filled++] = fragment.data[i];
    return load_be<int16_t>(bytes);
}

FrameAssembler::FrameAssembler(FrameMemory& memory, uint32_t frame_bytes_max)
    : memory_(memory),
      frame_bytes_max_(static_cast<uint32_t>(std::min<uint64_t>(frame_bytes_max, memory.frame_bytes_max()))) {}

FrameAssembler::~FrameAssembler() {
    while (has_input()) consume(input_[input_head_].buffer->size - input_[input_head_].offset);
    release(frame_, memory_);
}

void FrameAssembler::on_received(const io::ReceiveBuffer& buffer) {
    HeldBuffer* held = memory_.hold(buffer);
    if (held->size == 0) return memory_.let_go(held);
    if (!has_input() || input_head_ >= 32) {
        input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(input_head_));
        input_head_ = 0;
    }
    input_.push_back({held, 0, false});
}

FrameStatus FrameAssembler::next() {
    if (status_ == FrameStatus::ready || status_ == FrameStatus::malformed) return status_;
    if (frame_size_ == 0) {
        status_ = read_size();
        if (frame_size_ == 0) return status_;
    }
    if (frame_.reserved == 0) {
        if (!memory_.reserve(frame_size_)) return status_ = FrameStatus::memory_wanted;
        frame_.reserved = frame_size_;
    }
    return status_ = read_body();
}

/// Sets frame_size_ once all four bytes are there.
FrameStatus FrameAssembler::read_size() {
    while (size_filled_ < sizeof size_bytes_) {
        if (!has_input()) return FrameStatus::bytes_wanted;
        const Piece& piece = input_[input_head_];
        size_bytes_[size_filled_++] = piece.buffer->data[piece.offset];
        consume(1);
    }
    const int32_t size = load_be<int32_t>(size_bytes_);
    if (size < static_cast<int32_t>(frame_bytes_min) || static_cast<uint32_t>(size) > frame_bytes_max_)
        return FrameStatus::malformed;
    frame_size_ = static_cast<uint32_t>(size);
    return FrameStatus::bytes_wanted;
}

FrameStatus FrameAssembler::read_body() {
    while (frame_filled_ < frame_size_) {
        if (!has_input()) return FrameStatus::bytes_wanted;
        const Piece& piece = input_[input_head_];
        store(std::min(piece.buffer->size - piece.offset, frame_size_ - frame_filled_));
    }
    return FrameStatus::ready;
}

/// Takes the next bytes, all in one piece, into the frame.
void FrameAssembler::store(uint32_t bytes) {
    const Piece piece = input_[input_head_];
    const std::byte* from = piece.buffer->data + piece.offset;
    const bool worth_a_buffer = bytes >= limits::lent_piece_bytes || bytes == frame_size_;
    const bool keep = frame_size_ > limits::copied_frame_bytes && worth_a_buffer && piece.buffer->block == nullptr &&
                      !memory_.buffers_low();
    if (keep) {
        ++piece.buffer->holders;
        frame_.buffers.push_back(piece.buffer);
        frame_.fragments.push_back({from, bytes});
        open_block_ = nullptr;
    } else {
        copy_in(from, bytes);
    }
    frame_filled_ += bytes;
    consume(bytes);
}

void FrameAssembler::copy_in(const std::byte* from, uint32_t bytes) {
    uint32_t left_in_frame = frame_size_ - frame_filled_;
    while (bytes > 0) {
        if (open_block_ == nullptr || open_block_->size == open_block_->capacity) {
            open_block_ = memory_.allocate(left_in_frame);
            frame_.buffers.push_back(open_block_);
            frame_.fragments.push_back({open_block_->data, 0});
        }
        const uint32_t n = std::min(bytes, open_block_->capacity - open_block_->size);
        std::memcpy(open_block_->block + open_block_->size, from, n);
        open_block_->size += n;
        frame_.fragments.back().size += n;
        from += n;
        bytes -= n;
        left_in_frame -= n;
    }
}

void FrameAssembler::consume(uint32_t bytes) {
    Piece& piece = input_[input_head_];
    piece.offset += bytes;
    if (piece.offset < piece.buffer->size) return;
    if (piece.backlog) memory_.unreserve_backlog(piece.buffer->capacity);
    memory_.let_go(piece.buffer);
    ++input_head_;
}

void FrameAssembler::take(Frame& out) {
    PENSTOCK_ASSERT(status_ == FrameStatus::ready);
    PENSTOCK_ASSERT(out.buffers.empty() && out.reserved == 0);
    std::swap(out, frame_);
    frame_.fragments.clear();
    open_block_ = nullptr;
    size_filled_ = frame_size_ = frame_filled_ = 0;
    status_ = FrameStatus::bytes_wanted;
}

void FrameAssembler::release(Frame& frame, FrameMemory& memory) {
    for (HeldBuffer* buffer : frame.buffers) memory.let_go(buffer);
    frame.buffers.clear();
    frame.fragments.clear();
    if (frame.reserved > 0) memory.unreserve(frame.reserved);
    frame.reserved = 0;
}

bool FrameAssembler::settle() {
    for (size_t i = input_head_; i < input_.size(); ++i) {
        Piece& piece = input_[i];
        if (piece.buffer->block != nullptr || !memory_.buffers_low()) continue;
        const uint32_t bytes = piece.buffer->size - piece.offset;
        HeldBuffer* block = memory_.allocate(bytes);
        // A receive buffer may be larger than a block.
        if (block->capacity < bytes || !memory_.reserve_backlog(block->capacity)) {
            memory_.let_go(block);
            return false;
        }
        std::memcpy(block->block, piece.buffer->data + piece.offset, bytes);
        block->size = bytes;
        memory_.let_go(piece.buffer);
        piece = {block, 0, true};
    }
    return true;
}

}  // namespace penstock::broker
