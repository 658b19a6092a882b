#include "dpdk/mbuf.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "dpdk/frame.h"

namespace penstock::dpdk {

std::byte* data_of(rte_mbuf* frame) { return rte_pktmbuf_mtod(frame, std::byte*); }

std::span<std::byte> bytes_of(rte_mbuf* frame) { return {data_of(frame), rte_pktmbuf_data_len(frame)}; }

void set_size(rte_mbuf* frame, uint32_t bytes) {
    const uint32_t size = std::max(bytes, frame_bytes_min);
    frame->data_len = static_cast<uint16_t>(size);
    frame->pkt_len = size;
    if (bytes < size) std::memset(data_of(frame) + bytes, 0, size - bytes);
}

}  // namespace penstock::dpdk
