#include "dpdk/split_link.h"

#include <algorithm>

namespace penstock::dpdk {

Result<uint16_t> SplitLink::open(const io::Address& address) {
    io::Address any{.host = "::", .port = 0};
    any.road = address.road;
    if (const auto opened = by_kernel_->open(any); !opened) return opened;
    return by_device_->open(address);
}

/// The kernel's knows all families.
Result<io::Endpoint> SplitLink::resolve(const io::Address& address) { return by_kernel_->resolve(address); }

uint32_t SplitLink::datagram_bytes_max(const io::Endpoint& to) { return way_to(to).datagram_bytes_max(to); }

/// A row for one way after the other, so that the order stays.
size_t SplitLink::send(std::span<const io::OutgoingBurst> bursts) {
    size_t taken = 0;
    while (taken < bursts.size()) {
        io::Link& way = way_to(bursts[taken].to);
        size_t end = taken + 1;
        while (end < bursts.size() && &way_to(bursts[end].to) == &way) ++end;
        const size_t more = way.send(bursts.subspan(taken, end - taken));
        taken += more;
        if (taken < end) break;
    }
    return taken;
}

size_t SplitLink::receive(std::span<io::IncomingBurst> out) {
    size_t n = 0;
    for (int turn = 0; turn < 2; ++turn) {
        const bool kernel = (turn == 0) == kernel_first_;
        const size_t more = (kernel ? *by_kernel_ : *by_device_).receive(out.subspan(n));
        for (io::IncomingBurst& burst : out.subspan(n, more))
            if (kernel) burst.index |= kernel_buffer;
        n += more;
    }
    kernel_first_ = !kernel_first_;
    return n;
}

void SplitLink::release(const io::IncomingBurst& burst) {
    io::IncomingBurst its = burst;
    its.index &= ~kernel_buffer;
    ((burst.index & kernel_buffer) != 0 ? *by_kernel_ : *by_device_).release(its);
}

double SplitLink::free_buffer_share() const {
    return std::min(by_device_->free_buffer_share(), by_kernel_->free_buffer_share());
}

}  // namespace penstock::dpdk
