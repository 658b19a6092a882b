// How much may be under way, and how fast it may leave: the interface of congestion control.
//
// One for a connection, stepped by it. A control is told what became of what was sent and never sends itself; pacer.h
// and the connection keep to what it says. The default is bbr.h.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "transport/sent_packets.h"

namespace penstock::transport {

/// What an acknowledgement said, or what was lost when a timer looked.
struct CongestionSample {
    Nanos now;
    uint64_t acknowledged_bytes = 0;
    uint64_t lost_bytes = 0;               ///< without probes of the MTU
    uint64_t bytes_under_way = 0;          ///< what is left
    uint64_t delivered = 0;                ///< of the connection, in all
    std::optional<int64_t> round_trip_ns;
    DeliveryRate rate;
};

class CongestionControl {
public:
    virtual ~CongestionControl() = default;

    virtual void on_sample(const CongestionSample& sample) = 0;
    /// Nothing came through for several round trips: whatever was known of the path is void.
    virtual void on_persistent_congestion(Nanos now) = 0;
    /// Full packets are this large from now on.
    virtual void set_packet_bytes(uint32_t bytes) = 0;

    /// Not more may be under way.
    virtual uint64_t window_bytes() const = 0;
    virtual uint64_t bytes_per_s() const = 0;
    /// How much may leave at once: more costs the path's queues, less costs the sender cycles.
    virtual uint64_t burst_bytes() const = 0;
};

}  // namespace penstock::transport
