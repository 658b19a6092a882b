// Frames that drivers/dpdk does not write itself, made of datagrams by hand.
#pragma once

#include <span>
#include <vector>

#include "dpdk/frame.h"

namespace penstock::dpdk {

/// Of an untagged frame whose header of IPv4 was changed.
inline void sum_ip(std::span<std::byte> frame, size_t header_bytes = 20) {
    store_be<uint16_t>(&frame[24], 0);
    store_be<uint16_t>(&frame[24], internet_checksum(internet_sum(frame.subspan(14, header_bytes))));
}

inline void sum_icmp(std::span<std::byte> frame) {
    store_be<uint16_t>(&frame[36], 0);
    store_be<uint16_t>(&frame[36], internet_checksum(internet_sum(frame.subspan(34))));
}

/// An untagged datagram becomes a ping whose message it is.
inline std::vector<std::byte> ping_of(std::vector<std::byte> frame) {
    frame[23] = std::byte{1};   // ICMP
    sum_ip(frame);
    store_be<uint16_t>(&frame[34], 0x0800);
    sum_icmp(frame);
    return frame;
}

}  // namespace penstock::dpdk
