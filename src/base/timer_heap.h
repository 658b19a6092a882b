// Deadlines of one thread, earliest first. The timers live in what they time; the heap holds pointers to them.
//
// Setting, moving and cancelling a timer cost O(log n); asking for the earliest costs nothing. The heap's array grows
// to the largest number of timers ever set at once and never shrinks, so a warm loop allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/units.h"

namespace penstock {

class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    bool set() const { return place_ != unset; }
    Nanos deadline() const { return deadline_; }

private:
    friend class TimerHeap;
    static constexpr size_t unset = SIZE_MAX;
    Nanos deadline_ = never;
    size_t place_ = unset;
};

class TimerHeap {
public:
    TimerHeap() = default;
    TimerHeap(const TimerHeap&) = delete;
    TimerHeap& operator=(const TimerHeap&) = delete;

    /// Sets the timer, or moves it when it is set already.
    void set(Timer& timer, Nanos deadline) {
        if (!timer.set()) {
            timer.place_ = heap_.size();
            heap_.push_back(&timer);
        }
        timer.deadline_ = deadline;
        up(timer.place_);
        down(timer.place_);
    }

    /// Does nothing when the timer is not set.
    void cancel(Timer& timer) {
        if (!timer.set()) return;
        const size_t place = timer.place_;
        PENSTOCK_ASSERT(place < heap_.size() && heap_[place] == &timer);
        timer.place_ = Timer::unset;
        Timer* last = heap_.back();
        heap_.pop_back();
        if (last == &timer) return;
        put(place, last);
        up(place);
        down(last->place_);
    }

    /// Takes one timer whose deadline has come out of the heap; null when there is none.
    Timer* expire(Nanos now) {
        if (heap_.empty() || heap_.front()->deadline_ > now) return nullptr;
        Timer* timer = heap_.front();
        cancel(*timer);
        return timer;
    }

    /// `never` when no timer is set.
    Nanos next_deadline() const { return heap_.empty() ? never : heap_.front()->deadline_; }
    size_t size() const { return heap_.size(); }

private:
    void put(size_t place, Timer* timer) {
        heap_[place] = timer;
        timer->place_ = place;
    }

    void up(size_t place) {
        Timer* timer = heap_[place];
        while (place > 0 && timer->deadline_ < heap_[(place - 1) / 2]->deadline_) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, timer);
    }

    void down(size_t place) {
        Timer* timer = heap_[place];
        while (true) {
            size_t child = 2 * place + 1;
            if (child >= heap_.size()) break;
            if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
            if (timer->deadline_ <= heap_[child]->deadline_) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, timer);
    }

    std::vector<Timer*> heap_;
};

}  // namespace penstock
