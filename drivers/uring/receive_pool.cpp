#include "uring/receive_pool.h"

#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/assert.h"

namespace penstock::uring {

namespace {

/// Page-aligned, zeroed memory that takes no pages until it is touched; null when there is none.
void* map_memory(size_t bytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

ReceivePool::ReceivePool(Ring& ring, uint16_t group, uint32_t count, uint32_t bytes)
    : ring_(ring), group_(group), count_(count), bytes_(bytes), lent_(count) {}

socket::Opened<std::unique_ptr<ReceivePool>> ReceivePool::create(Ring& ring, uint16_t group, uint32_t count,
                                                                  uint32_t bytes) {
    PENSTOCK_ASSERT(std::has_single_bit(count) && count <= 32768);
    PENSTOCK_ASSERT(bytes > 0);
    std::unique_ptr<ReceivePool> pool(new ReceivePool(ring, group, count, bytes));
    pool->memory_ = static_cast<std::byte*>(map_memory(size_t{count} * bytes));
    pool->buffers_ = static_cast<io_uring_buf_ring*>(map_memory(count * sizeof(io_uring_buf)));
    if (pool->memory_ == nullptr || pool->buffers_ == nullptr) {
        return std::unexpected(socket::Failure{{Errc::io, ENOMEM}, "no memory for " + std::to_string(count) +
            " receive buffers of " + std::to_string(bytes) + " bytes"});
    }
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(pool->buffers_);
    registration.ring_entries = count;
    registration.bgid = group;
    const int result = io_uring_register_buf_ring(ring.native(), &registration, 0);
    if (result < 0) {
        return std::unexpected(socket::Failure{{Errc::io, -result},
            std::string("cannot register the receive buffers: ") + std::strerror(-result) +
            "; Linux 6.1 or newer is needed"});
    }
    pool->registered_ = true;
    io_uring_buf_ring_init(pool->buffers_);
    for (uint32_t i = 0; i < count; ++i) {
        pool->lent_[i] = true;
        pool->give_back(i);
    }
    return pool;
}

ReceivePool::~ReceivePool() {
    if (registered_) io_uring_unregister_buf_ring(ring_.native(), group_);
    if (buffers_ != nullptr) ::munmap(buffers_, count_ * sizeof(io_uring_buf));
    if (memory_ != nullptr) ::munmap(memory_, size_t{count_} * bytes_);
}

io::ReceiveBuffer ReceivePool::lend(uint32_t index, uint32_t size) {
    PENSTOCK_ASSERT(index < count_ && !lent_[index]);
    PENSTOCK_ASSERT(size <= bytes_);
    lent_[index] = true;
    --free_;
    return {memory_ + size_t{index} * bytes_, size, index};
}

void ReceivePool::give_back(uint32_t index) {
    PENSTOCK_ASSERT(index < count_ && lent_[index]);
    lent_[index] = false;
    ++free_;
    io_uring_buf_ring_add(buffers_, memory_ + size_t{index} * bytes_, bytes_, static_cast<unsigned short>(index),
                          io_uring_buf_ring_mask(count_), 0);
    io_uring_buf_ring_advance(buffers_, 1);
}

}  // namespace penstock::uring
