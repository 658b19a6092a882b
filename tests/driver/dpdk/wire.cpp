#include "wire.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>

#include "base/assert.h"

namespace penstock::dpdk {

namespace {

constexpr unsigned ring_frames = 4096;

rte_ring* make_ring() {
    static int made = 0;
    rte_ring* ring = rte_ring_create(("wire-" + std::to_string(made++)).c_str(), ring_frames, SOCKET_ID_ANY, 0);
    PENSTOCK_ASSERT(ring != nullptr);
    return ring;
}

void put(rte_ring* ring, rte_mbuf* frame) {
    if (frame == nullptr) return;   // there was no memory for it
    if (rte_ring_enqueue(ring, frame) != 0) rte_pktmbuf_free(frame);   // a full one loses it, as any switch does
}

rte_mbuf* copy_of(rte_mbuf* frame) { return rte_pktmbuf_copy(frame, frame->pool, 0, UINT32_MAX); }

}  // namespace

Environment& environment() {
    static const auto started = Environment::start({"--no-pci", "--no-huge", "-m", "512", "--no-shconf",
                                                    "--no-telemetry", "--log-level=*:error", "-l", "0"});
    PENSTOCK_ASSERT(started.has_value());
    return **started;
}

Mac mac_of(size_t station) {
    return {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0x77},
            static_cast<std::byte>(station + 1)};
}

Ipv4 ip_of(size_t station) { return {0x0a4d0001 + static_cast<uint32_t>(station)}; }

std::string name_of(size_t station) { return "10.77.0." + std::to_string(station + 1); }

Wire::Wire(size_t stations, const PortOptions& options) {
    environment();
    static int wires = 0;
    ++wires;
    for (size_t i = 0; i < stations; ++i) {
        Station& station = stations_.emplace_back();
        for (uint16_t queue = 0; queue < options.queues; ++queue) {
            station.to.push_back(make_ring());
            station.from.push_back(make_ring());
        }
        const std::string device = "w" + std::to_string(wires) + "s" + std::to_string(i);
        const int made = rte_eth_from_rings(device.c_str(), station.to.data(), options.queues, station.from.data(),
                                            options.queues, 0);
        PENSTOCK_ASSERT(made >= 0);
        PortOptions its = options;
        its.subnet.own = ip_of(i);
        its.mac = mac_of(i);
        auto port = Port::open("net_ring_" + device, its);
        if (!port) port = Port::open(device, its);
        PENSTOCK_ASSERT(port.has_value());
        station.port = std::move(*port);
    }
}

Wire::~Wire() {
    for (Station& station : stations_) {
        for (std::vector<rte_ring*>* rings : {&station.to, &station.from}) {
            for (rte_ring* ring : *rings) {
                void* frame = nullptr;
                while (rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
            }
        }
    }
    // A port ends with its pool, so only when nobody has a frame of it any more.
    for (Station& station : stations_) station.port.reset();
    for (Station& station : stations_) {
        for (rte_ring* ring : station.to) rte_ring_free(ring);
        for (rte_ring* ring : station.from) rte_ring_free(ring);
    }
}

bool Wire::step() {
    bool moved = false;
    for (size_t from = 0; from < stations_.size(); ++from) {
        for (rte_ring* ring : stations_[from].from) {
            void* next = nullptr;
            while (rte_ring_dequeue(ring, &next) == 0) {
                moved = true;
                auto* frame = static_cast<rte_mbuf*>(next);
                Mac to;
                std::copy_n(rte_pktmbuf_mtod(frame, const std::byte*), to.size(), to.begin());
                for (size_t i = 0; i < stations_.size(); ++i) {
                    if (i == from || (to != broadcast_mac && to != mac_of(i))) continue;
                    put(stations_[i].to[0], copy_of(frame));
                }
                rte_pktmbuf_free(frame);
            }
        }
    }
    return moved;
}

void Wire::inject(size_t station, std::span<const std::byte> bytes, uint16_t queue) {
    rte_mbuf* frame = nullptr;
    PENSTOCK_ASSERT(port(station).allocate(queue, {&frame, 1}));
    char* at = rte_pktmbuf_append(frame, static_cast<uint16_t>(bytes.size()));
    PENSTOCK_ASSERT(at != nullptr);
    std::ranges::copy(bytes, reinterpret_cast<std::byte*>(at));
    put(stations_[station].to[queue], frame);
}

std::vector<std::vector<std::byte>> Wire::take_sent(size_t station) {
    std::vector<std::vector<std::byte>> sent;
    for (rte_ring* ring : stations_[station].from) {
        void* next = nullptr;
        while (rte_ring_dequeue(ring, &next) == 0) {
            auto* frame = static_cast<rte_mbuf*>(next);
            const auto* data = rte_pktmbuf_mtod(frame, const std::byte*);
            sent.emplace_back(data, data + rte_pktmbuf_data_len(frame));
            rte_pktmbuf_free(frame);
        }
    }
    return sent;
}

}  // namespace penstock::dpdk
