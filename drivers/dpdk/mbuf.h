// The bytes of a frame in a buffer of DPDK's, where they are in one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

struct rte_mbuf;

namespace penstock::dpdk {

std::byte* data_of(rte_mbuf* frame);
std::span<std::byte> bytes_of(rte_mbuf* frame);

/// Short frames are padded: what follows a datagram in its frame is no part of it.
void set_size(rte_mbuf* frame, uint32_t bytes);

}  // namespace penstock::dpdk
