#include "dpdk/port.h"

#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace penstock::dpdk {

namespace {

constexpr uint32_t ethernet_overhead_bytes = 14 + vlan_tag_bytes + 4;   // header, tag, checksum
constexpr uint32_t pool_cache_frames = 256;
constexpr uint32_t handed_over_max = 1024;
constexpr uint32_t kernel_frames_to_be_sent_max = 256;   // in a link, before the device takes them

// With af_xdp a buffer and all that DPDK and the kernel keep before it are in one page: this is what remains.
constexpr uint16_t af_xdp_room_bytes = 3840;
constexpr uint32_t af_xdp_kernel_bytes = 256;
constexpr uint32_t af_xdp_mtu_max =
    af_xdp_room_bytes - RTE_PKTMBUF_HEADROOM - af_xdp_kernel_bytes - ethernet_overhead_bytes;

/// Room for a frame in one piece, after what DPDK keeps free before it. Devices expect 2 KiB at least.
uint16_t room_bytes(uint32_t mtu, bool af_xdp) {
    if (af_xdp) return af_xdp_room_bytes;
    constexpr uint32_t step = 1024;
    const uint32_t room = (mtu + ethernet_overhead_bytes + step - 1) / step * step;
    return static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + std::max(room, 2 * step));
}

}  // namespace

Port::Port(const PortOptions& options)
    : options_(options),
      pools_(options.queues),
      handed_over_(std::max(options.queues, options.lanes)),
      neighbours_(options.subnet, options.kernel_interface.empty() ? ask_wire : ask_kernel) {}

Opened<std::unique_ptr<Port>> Port::open(const std::string& device, const PortOptions& options) {
    PENSTOCK_ASSERT(options.queues > 0 && options.mtu >= 576 && options.mtu <= 9'600);
    PENSTOCK_ASSERT(options.tap.empty() || options.kernel_interface.empty());
    std::unique_ptr<Port> port(new Port(options));
    if (const int found = rte_eth_dev_get_port_by_name(device.c_str(), &port->id_); found != 0)
        return std::unexpected(failure_of("DPDK has no device " + device, found));
    if (auto started = port->start(device); !started) return std::unexpected(started.error());
    if (options.tap.empty()) return port;
    if (auto opened = port->open_exception_path(); !opened) return std::unexpected(opened.error());
    return port;
}

Opened<void> Port::start(const std::string& device) {
    if (!options_.kernel_interface.empty()) {
        auto kernel = KernelNeighbours::open(options_.kernel_interface);
        if (!kernel) return std::unexpected(kernel.error());
        kernel_neighbours_ = std::move(*kernel);
    }
    rte_eth_dev_info info{};
    if (const int told = rte_eth_dev_info_get(id_, &info); told != 0)
        return std::unexpected(failure_of(device + " says nothing of itself", told));
    const uint16_t queues_max = std::min(info.max_rx_queues, info.max_tx_queues);
    if (options_.queues > queues_max) {
        return std::unexpected(Failure{{Errc::unsupported},
            device + " has " + std::to_string(queues_max) + " queues, fewer than the " +
                std::to_string(options_.queues) + " shards that want one each"});
    }
    af_xdp_ = info.driver_name == std::string_view("net_af_xdp");
    if (af_xdp_ && options_.mtu > af_xdp_mtu_max) {
        return std::unexpected(Failure{{Errc::unsupported},
            device + " carries packets of " + std::to_string(af_xdp_mtu_max) + " bytes at most, as af_xdp does, not " +
                std::to_string(options_.mtu) + ": configure a smaller MTU"});
    }
    rte_eth_conf wanted{};
    device_sums_udp_ = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
    if (device_sums_udp_) wanted.txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
    wanted.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    // A device that says that it takes no more than the usual may carry more all the same, as af_packet does: what its
    // medium carries is not its to say.
    if (options_.mtu > RTE_ETHER_MTU && info.max_rx_pktlen >= options_.mtu + ethernet_overhead_bytes)
        wanted.rxmode.mtu = options_.mtu;
    if (options_.queues > 1 && info.flow_type_rss_offloads != 0) {
        wanted.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        wanted.rx_adv_conf.rss_conf.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads;
    }
    if (const int done = rte_eth_dev_configure(id_, options_.queues, options_.queues, &wanted); done != 0)
        return std::unexpected(failure_of(device + " refuses its configuration", done));
    const uint16_t room = room_bytes(options_.mtu, af_xdp_);
    if (auto made = make_queues(device, room, rte_eth_dev_socket_id(id_)); !made) return made;
    rte_ether_addr address{};
    if (const int told = rte_eth_macaddr_get(id_, &address); told != 0)
        return std::unexpected(failure_of(device + " has no address", told));
    std::memcpy(mac_.data(), address.addr_bytes, mac_.size());
    if (options_.mac) mac_ = *options_.mac;
    if (const int done = rte_eth_dev_start(id_); done != 0)
        return std::unexpected(failure_of(device + " does not start", done));
    started_ = true;
    // An address that is not the device's own it would not listen to. Some devices hear everything anyway, and refuse.
    if (options_.mac) static_cast<void>(rte_eth_promiscuous_enable(id_));
    return {};
}

Opened<void> Port::make_queues(const std::string& device, uint16_t room, int socket) {
    // Every descriptor may hold one, and so may every cache; the rest is lent, or waits, for the kernel as well.
    const bool kernel = !options_.tap.empty();
    const uint32_t frames = 2u * options_.descriptors + options_.frames_lent + 2 * pool_cache_frames +
                            (kernel ? ExceptionPath::frames_max + ExceptionPath::burst_max : 0);
    const std::string name = name_prefix();
    for (uint16_t i = 0; i < options_.queues; ++i) {
        pools_[i] = rte_pktmbuf_pool_create((name + std::to_string(i)).c_str(), frames, pool_cache_frames, 0, room,
                                            socket);
        if (pools_[i] == nullptr) {
            return std::unexpected(failure_of("no memory for " + std::to_string(frames) + " frames of " +
                std::to_string(room) + " bytes for each of " + std::to_string(options_.queues) +
                " queues of " + device + "; give DPDK more", rte_errno));
        }
        const auto numa = static_cast<unsigned>(socket);
        int done = rte_eth_rx_queue_setup(id_, i, options_.descriptors, numa, nullptr, pools_[i]);
        if (done == 0) done = rte_eth_tx_queue_setup(id_, i, options_.descriptors, numa, nullptr);
        if (done != 0) return std::unexpected(failure_of(device + " refuses queue " + std::to_string(i), done));
    }
    for (uint16_t i = 0; i < lanes(); ++i) {
        handed_over_[i] = rte_ring_create((name + std::to_string(i)).c_str(), handed_over_max, socket, RING_F_SC_DEQ);
        if (handed_over_[i] == nullptr)
            return std::unexpected(failure_of("no memory for the lanes of " + device, rte_errno));
    }
    return {};
}

/// Last, so that the kernel does not speak for a port that then does not start.
Opened<void> Port::open_exception_path() {
    auto opened = ExceptionPath::open({.tap = {options_.tap, mac_, options_.mtu, options_.subnet},
                                       .vlan = options_.vlan,
                                       .frames_sent = options_.descriptors + kernel_frames_to_be_sent_max,
                                       .prefix = name_prefix()});
    if (!opened) return std::unexpected(opened.error());
    exception_path_ = std::move(*opened);
    return {};
}

Port::~Port() {
    if (started_) rte_eth_dev_stop(id_);
    for (rte_ring* ring : handed_over_) {
        void* frame = nullptr;
        while (ring != nullptr && rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
        rte_ring_free(ring);
    }
    if (started_) rte_eth_dev_close(id_);
    exception_path_.reset();   // it frees frames of the pools
    // What a device forgot to give back it may still write to. What af_xdp keeps is the kernel's, which lets go of all.
    for (rte_mempool* pool : pools_)
        if (pool != nullptr && (af_xdp_ || rte_mempool_full(pool))) rte_mempool_free(pool);
}

PortCounters Port::counters() const {
    rte_eth_stats stats{};
    if (rte_eth_stats_get(id_, &stats) != 0) return {};
    return {.received = stats.ipackets, .received_bytes = stats.ibytes, .sent = stats.opackets,
            .sent_bytes = stats.obytes, .missed = stats.imissed, .failed = stats.ierrors + stats.oerrors,
            .no_buffers = stats.rx_nombuf};
}

Result<uint16_t> Port::bind(uint16_t udp_port, uint16_t lane) {
    PENSTOCK_ASSERT(lane < lanes());
    const bool brought = udp_port >= options_.first_free_port && udp_port <= options_.last_free_port;
    if (!options_.kernel_interface.empty() && udp_port != 0 && !brought) return fail(Errc::unsupported);
    const auto take = [&](uint32_t wanted) {
        uint16_t nobody = 0;
        return lane_of_[wanted].compare_exchange_strong(nobody, static_cast<uint16_t>(lane + 1));
    };
    uint32_t found = udp_port;
    if (udp_port != 0) {
        if (!take(udp_port)) return fail(Errc::exists);
    } else {
        found = options_.last_free_port;
        while (found >= options_.first_free_port && !take(found)) --found;
        if (found < options_.first_free_port) return fail(Errc::would_block);
    }
    if (options_.queues > 1) steer(static_cast<uint16_t>(found), queue_of(lane));
    return static_cast<uint16_t>(found);
}

/// Not every device can; then frames are handed over where they come to the wrong queue.
void Port::steer(uint16_t udp_port, uint16_t queue) {
    const rte_flow_attr attributes{.ingress = 1};
    rte_flow_item_udp wanted{}, mask{};
    wanted.hdr.dst_port = rte_cpu_to_be_16(udp_port);
    mask.hdr.dst_port = UINT16_MAX;
    const rte_flow_item vlan{.type = options_.vlan != 0 ? RTE_FLOW_ITEM_TYPE_VLAN : RTE_FLOW_ITEM_TYPE_VOID};
    const rte_flow_item pattern[] = {{.type = RTE_FLOW_ITEM_TYPE_ETH},
                                     vlan,
                                     {.type = RTE_FLOW_ITEM_TYPE_IPV4},
                                     {.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &wanted, .mask = &mask},
                                     {.type = RTE_FLOW_ITEM_TYPE_END}};
    const rte_flow_action_queue to{.index = queue};
    const rte_flow_action actions[] = {{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to},
                                       {.type = RTE_FLOW_ACTION_TYPE_END}};
    const std::lock_guard lock(flows_mutex_);
    rte_flow_error why{};
    if (rte_flow_validate(id_, &attributes, pattern, actions, &why) != 0) return;
    if (rte_flow* const flow = rte_flow_create(id_, &attributes, pattern, actions, &why)) flows_[udp_port] = flow;
}

void Port::unbind(uint16_t udp_port) {
    const std::lock_guard lock(flows_mutex_);
    if (const auto flow = flows_.find(udp_port); flow != flows_.end()) {
        rte_flow_error why{};
        static_cast<void>(rte_flow_destroy(id_, flow->second, &why));
        flows_.erase(flow);
    }
    lane_of_[udp_port].store(0, std::memory_order_release);
}

size_t Port::receive(uint16_t lane, std::span<rte_mbuf*> out) {
    const auto size = static_cast<unsigned>(out.size());
    void** places = reinterpret_cast<void**>(out.data());
    const size_t handed = rte_ring_dequeue_burst(handed_over_[lane], places, size, nullptr);
    if (lane >= options_.queues) return handed;
    const auto rest = static_cast<uint16_t>(out.size() - handed);
    return handed + rte_eth_rx_burst(id_, lane, out.data() + handed, rest);
}

size_t Port::send(uint16_t lane, std::span<rte_mbuf*> frames) {
    const uint16_t queue = queue_of(lane);
    auto size = static_cast<uint16_t>(std::min<size_t>(frames.size(), UINT16_MAX));
    if (device_sums_udp_ && size > 0) {
        size = rte_eth_tx_prepare(id_, queue, frames.data(), size);
        if (size == 0) {   // the first one it cannot send, ever: lost
            rte_pktmbuf_free(frames.front());
            return 1;
        }
    }
    return rte_eth_tx_burst(id_, queue, frames.data(), size);
}

bool Port::allocate(uint16_t lane, std::span<rte_mbuf*> out) {
    return rte_pktmbuf_alloc_bulk(pools_[queue_of(lane)], out.data(), static_cast<unsigned>(out.size())) == 0;
}

bool Port::hand_over(uint16_t to_lane, rte_mbuf* frame) { return rte_ring_enqueue(handed_over_[to_lane], frame) == 0; }

}  // namespace penstock::dpdk
