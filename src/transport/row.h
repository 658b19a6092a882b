// A row that is added to at its end and given back from its start, with access to any element by its place.
//
// Its memory grows to the most that it ever held, and moves only when elements are added or given back.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace penstock::transport {

template <class T>
class Row {
public:
    size_t size() const { return items_.size() - start_; }
    bool empty() const { return size() == 0; }
    T& operator[](size_t place) {
        PENSTOCK_ASSERT(place < size());
        return items_[start_ + place];
    }
    const T& operator[](size_t place) const {
        PENSTOCK_ASSERT(place < size());
        return items_[start_ + place];
    }
    T& front() { return (*this)[0]; }
    T& back() { return (*this)[size() - 1]; }

    void push_back(T item) { items_.push_back(std::move(item)); }

    /// Before the element at `place`; what follows moves.
    void insert(size_t place, T item) {
        PENSTOCK_ASSERT(place <= size());
        items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(start_ + place), std::move(item));
    }

    void pop_front(size_t count = 1) {
        PENSTOCK_ASSERT(count <= size());
        start_ += count;
        if (start_ < items_.size() / 2 + moved_above && start_ < items_.size()) return;
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(start_));
        start_ = 0;
    }

    /// Gives the memory back. Empty rows only.
    void shrink() {
        PENSTOCK_ASSERT(empty());
        items_ = {};
        start_ = 0;
    }

private:
    /// Elements given back before the rest is moved to the start: with half of all it makes moving cheap on average.
    static constexpr size_t moved_above = 64;

    std::vector<T> items_;
    size_t start_ = 0;
};

}  // namespace penstock::transport
