#include "counted_heap.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace penstock::sim {

namespace {

bool counting = false;
HeapUse use;

/// In front of each allocation, at the end of a gap of `alignment` bytes.
struct Header {
    uint64_t size;
    uint32_t gap;
    bool counted;
};
constexpr size_t alignment_min = 16;
static_assert(sizeof(Header) <= alignment_min);

void* allocate(size_t size, size_t alignment) {
    const size_t gap = std::max(alignment, alignment_min);
    const size_t whole = (size + gap + gap - 1) / gap * gap;
    auto* base = static_cast<char*>(std::aligned_alloc(gap, whole));
    if (base == nullptr) std::abort();
    *reinterpret_cast<Header*>(base + gap - sizeof(Header)) = {size, static_cast<uint32_t>(gap), counting};
    if (counting) {
        use.bytes += static_cast<int64_t>(size);
        ++use.allocations;
    }
    return base + gap;
}

void deallocate(void* at) noexcept {
    if (at == nullptr) return;
    const Header header = *reinterpret_cast<Header*>(static_cast<char*>(at) - sizeof(Header));
    if (header.counted) use.bytes -= static_cast<int64_t>(header.size);
    std::free(static_cast<char*>(at) - header.gap);
}

}  // namespace

HeapUse counted_heap() { return use; }

CountHeap::CountHeap(bool count) : before_(std::exchange(counting, count)) {}
CountHeap::~CountHeap() { counting = before_; }

}  // namespace penstock::sim

using penstock::sim::allocate;
using penstock::sim::deallocate;

void* operator new(size_t size) { return allocate(size, 0); }
void* operator new[](size_t size) { return allocate(size, 0); }
void* operator new(size_t size, std::align_val_t alignment) { return allocate(size, static_cast<size_t>(alignment)); }
void* operator new[](size_t size, std::align_val_t alignment) { return allocate(size, static_cast<size_t>(alignment)); }
void operator delete(void* at) noexcept { deallocate(at); }
void operator delete[](void* at) noexcept { deallocate(at); }
void operator delete(void* at, size_t) noexcept { deallocate(at); }
void operator delete[](void* at, size_t) noexcept { deallocate(at); }
void operator delete(void* at, std::align_val_t) noexcept { deallocate(at); }
void operator delete[](void* at, std::align_val_t) noexcept { deallocate(at); }
void operator delete(void* at, size_t, std::align_val_t) noexcept { deallocate(at); }
void operator delete[](void* at, size_t, std::align_val_t) noexcept { deallocate(at); }
