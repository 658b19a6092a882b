// Counts what one part of a program takes from the heap: allocations made while a CountHeap lives are that part's, and
// stay so until they are freed, by whomever. Linking this in replaces operator new and delete. One thread.
#pragma once

#include <cstdint>

namespace penstock::sim {

struct HeapUse {
    int64_t bytes = 0;         ///< allocated and not freed
    uint64_t allocations = 0;  ///< ever made
};
HeapUse counted_heap();

class CountHeap {
public:
    explicit CountHeap(bool count = true);
    ~CountHeap();
    CountHeap(const CountHeap&) = delete;
    CountHeap& operator=(const CountHeap&) = delete;

private:
    bool before_;
};

}  // namespace penstock::sim
