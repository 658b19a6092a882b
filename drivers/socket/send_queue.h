// What one connection still has to send: the fragments of all queued sends in a row, and where each send ends.
//
// Stepped by Streams: push() what the caller sends, hand front() to the kernel, consume() what it took.
// Bounded by io::max_sends_queued. Memory is kept from send to send; nothing is allocated after warm-up.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "io/stream.h"

namespace penstock::socket {

class SendQueue {
public:
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ == io::max_sends_queued; }
    /// The caller checked full().
    void push(std::span<const Fragment> fragments, uint64_t token);
    /// The next bytes: at most `vectors_max` pieces, and no further piece once `bytes_enough` are reached. Stays in
    /// place until the next push() or consume(). Empty when only sends without bytes are queued.
    std::span<iovec> front(size_t vectors_max, uint64_t bytes_enough);
    /// The kernel took the next `bytes`.
    void consume(uint64_t bytes);
    /// Takes the token of the first send if all its bytes are consumed.
    bool take_finished(uint64_t& token);
    void clear();

private:
    struct Send {
        uint64_t token = 0;
        uint64_t bytes = 0;  ///< not consumed yet
    };

    std::vector<iovec> vectors_;
    size_t head_ = 0;  ///< first vector that is not consumed
    Send sends_[io::max_sends_queued];
    uint32_t first_ = 0, count_ = 0;
};

}  // namespace penstock::socket
