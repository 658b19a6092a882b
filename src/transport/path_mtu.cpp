#include "transport/path_mtu.h"

#include <algorithm>
#include <array>

#include "transport/packet.h"

namespace penstock::transport {

namespace {

/// Datagrams that fill the frames of common links: jumbo and plain Ethernet over IPv4 and IPv6, and tunnels.
constexpr std::array<uint32_t, 6> common{8972, 8952, 1472, 1452, 1432, 1372};

}  // namespace

PathMtu::PathMtu(uint32_t largest)
    : largest_(std::clamp(largest, datagram_bytes_min, datagram_bytes_max)), confirmed_(datagram_bytes_min),
      too_large_(largest_ + 1) {}

uint32_t PathMtu::candidate() const {
    if (too_large_ > largest_) return largest_;
    for (const uint32_t size : common)
        if (size > confirmed_ && size < too_large_) return size;
    return confirmed_ + (too_large_ - confirmed_) / 2;
}

Nanos PathMtu::next_probe_at() const {
    if (probing_ > 0 || confirmed_ >= largest_) return never;
    return search_at_;
}

std::optional<uint32_t> PathMtu::next_probe(Nanos now) {
    if (next_probe_at() > now) return std::nullopt;
    if (too_large_ <= largest_ && too_large_ - confirmed_ <= close_enough) too_large_ = largest_ + 1;   // look again
    probing_ = candidate();
    return probing_;
}

void PathMtu::probe_arrived(uint32_t bytes) {
    if (bytes != probing_) return;   // from before it started again
    probing_ = failed_ = 0;
    losses_ = 0;
    confirmed_ = bytes;
}

void PathMtu::probe_lost(uint32_t bytes, Nanos now) {
    if (bytes != probing_) return;
    probing_ = 0;
    if (++failed_ < tries) return;
    failed_ = 0;
    too_large_ = bytes;
    if (too_large_ - confirmed_ <= close_enough) search_at_ = now + search_again_ns;
}

void PathMtu::large_lost(uint64_t packets, Nanos now) {
    losses_ += packets;
    if (losses_ < losses_of_a_black_hole || confirmed_ == datagram_bytes_min) return;
    too_large_ = confirmed_;
    confirmed_ = datagram_bytes_min;
    probing_ = failed_ = 0;
    losses_ = 0;
    search_at_ = now;
}

}  // namespace penstock::transport
