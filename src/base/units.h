// Strong types, so that an offset cannot meet a position nor a clock reading a duration by accident.
#pragma once

#include <compare>
#include <cstdint>

namespace penstock {

/// An integer that only meets its own kind. `value` is public: conversion is explicit and visible.
template <class Tag, class Rep>
struct Strong {
    Rep value{};

    constexpr Strong() = default;
    constexpr explicit Strong(Rep v) : value(v) {}
    friend constexpr auto operator<=>(Strong, Strong) = default;
    friend constexpr Strong operator+(Strong a, Rep n) { return Strong(a.value + n); }
    friend constexpr Strong operator-(Strong a, Rep n) { return Strong(a.value - n); }
    friend constexpr Rep operator-(Strong a, Strong b) { return a.value - b.value; }
    constexpr Strong& operator+=(Rep n) { value += n; return *this; }
};

using Offset = Strong<struct OffsetTag, int64_t>;        ///< Kafka's offset of a record in its partition
using LeaderEpoch = Strong<struct LeaderEpochTag, int32_t>;
using NodeId = Strong<struct NodeIdTag, int32_t>;
using Position = Strong<struct PositionTag, uint64_t>;   ///< byte position in a partition's log
using Sequence = Strong<struct SequenceTag, uint64_t>;   ///< number of a journal commit

/// Monotonic time, nanoseconds since an arbitrary start. Taken once per turn by the driver's edge.
using Nanos = Strong<struct NanosTag, int64_t>;
inline constexpr Nanos never{INT64_MAX};

inline constexpr int64_t microsecond_ns = 1'000;
inline constexpr int64_t millisecond_ns = 1'000'000;
inline constexpr int64_t second_ns = 1'000'000'000;

/// What a turn knows of time: `now` for deadlines, `wall_ms` (Unix time) for record timestamps only.
struct Time {
    Nanos now;
    int64_t wall_ms = 0;
};

inline constexpr uint64_t kib = 1024;
inline constexpr uint64_t mib = 1024 * kib;
inline constexpr uint64_t gib = 1024 * mib;

constexpr uint64_t align_down(uint64_t n, uint64_t a) { return n / a * a; }
constexpr uint64_t align_up(uint64_t n, uint64_t a) { return (n + a - 1) / a * a; }

}  // namespace penstock
