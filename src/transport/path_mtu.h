// The largest datagram that the path carries, found by sending some (RFC 8899).
//
// Stepped by its connection. It starts from what every path must carry and tries the largest that both ends take, then
// the sizes in between: links have few sizes, so those are tried first. Probes that are lost say nothing of congestion,
// and three of a size must be lost before it counts as too large. When full datagrams get lost while small ones arrive,
// the path has changed: it starts again.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"

namespace penstock::transport {

class PathMtu {
public:
    /// `largest`: what this end sends and the other takes.
    explicit PathMtu(uint32_t largest);

    /// What full datagrams are now.
    uint32_t bytes() const { return confirmed_; }
    /// The size to try now; it counts as tried.
    std::optional<uint32_t> next_probe(Nanos now);
    /// When to ask again; `never` while a probe is under way or there is nothing to find out.
    Nanos next_probe_at() const;

    void probe_arrived(uint32_t bytes);
    void probe_lost(uint32_t bytes, Nanos now);
    /// Of packets larger than every path must carry, probes aside.
    void large_arrived() { losses_ = 0; }
    void large_lost(uint64_t packets, Nanos now);

private:
    static constexpr uint32_t tries = 3;
    static constexpr uint64_t losses_of_a_black_hole = 12;
    /// Closer than this it is not worth a search.
    static constexpr uint32_t close_enough = 16;
    /// A path may come to carry more: seldom, since a probe that is too large may cost its sender an error.
    static constexpr int64_t search_again_ns = 600 * second_ns;

    uint32_t candidate() const;

    uint32_t largest_;
    uint32_t confirmed_;
    uint32_t too_large_;          ///< the smallest that did not get through
    uint32_t probing_ = 0;        ///< 0: none is under way
    uint32_t failed_ = 0;         ///< tries of the candidate that were lost
    uint64_t losses_ = 0;         ///< of large packets since one arrived
    Nanos search_at_;
};

}  // namespace penstock::transport
