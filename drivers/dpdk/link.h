// Datagrams past the kernel: one lane of a Port.
//
// Stepped by its thread, which never sleeps: nothing wakes it. What arrives is lent in the buffers that the device
// wrote it to, a datagram a burst; what is sent is copied once, behind headers that are written here. Frames that are
// for another lane are handed over to it. What is for nobody here goes to the kernel, if the port has an ExceptionPath,
// and lane 0 sends what comes from there. Without one ARP and ping for the port's address are answered here, and the
// rest is dropped, and counted.
// Whose station on the wire is not known yet is asked for, and what goes there waits, up to a bound and for some
// seconds. Invariants: a frame is the device's, waits, goes out next, or is lent. IPv4 only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "dpdk/port.h"
#include "io/link.h"

namespace penstock::dpdk {

struct LinkOptions {
    uint32_t receive_buffers = 1024;   ///< lent at a time, at most; with what waits at most the port's frames_lent
    uint32_t waiting_max = 1024;       ///< frames to stations that are not known yet
};

struct LinkCounters {
    uint64_t datagrams = 0, bytes = 0;          ///< received
    uint64_t sent = 0, sent_bytes = 0;          ///< datagrams
    uint64_t handed_over = 0;                   ///< to other lanes
    uint64_t foreign = 0;                       ///< frames that are for nobody here: the kernel's, or dropped
    uint64_t malformed = 0;                     ///< frames: dropped
    uint64_t empty = 0;                         ///< datagrams without bytes: dropped
    uint64_t buffer_shortages = 0;              ///< datagrams that found all buffers lent
    uint64_t unreachable = 0;                   ///< datagrams that there is no way for, or whose station did not answer
    uint64_t too_large = 0;                     ///< bursts of datagrams that no frame carries
    uint64_t arp_requests = 0, arp_replies = 0, pings = 0;   ///< sent; answered
};

class Link final : public io::Link {
public:
    /// The port must outlive it. One link for a lane.
    Link(Port& port, uint16_t lane, const LinkOptions& options = {});
    ~Link() override;

    Result<uint16_t> open(const io::Address& address) override;
    Result<io::Endpoint> resolve(const io::Address& address) override;
    uint32_t datagram_bytes_max(const io::Endpoint& to) override;
    size_t send(std::span<const io::OutgoingBurst> bursts) override;
    size_t receive(std::span<io::IncomingBurst> out) override;
    void release(const io::IncomingBurst& burst) override;
    double free_buffer_share() const override;

    const LinkCounters& counters() const { return counters_; }

private:
    /// To one peer.
    struct Route {
        std::optional<Ipv4> hop;
        std::optional<Mac> mac;
        uint64_t version = 0;    ///< of the table of neighbours
        Nanos look_again_at;
    };
    struct Waiting {
        std::vector<rte_mbuf*> frames;
        Nanos until;
    };

    const Route& route_to(Ipv4 to, Nanos now);
    bool send_one(const io::OutgoingBurst& burst, Nanos now);
    void write_frames(std::span<rte_mbuf*> frames, const io::OutgoingBurst& burst, const Mac& to);
    void park(Ipv4 hop, std::span<rte_mbuf*> frames, Nanos now);
    void go_on_waiting(Nanos now);
    void flush();
    void ask(Ipv4 hop, Nanos now);

    bool take(rte_mbuf* frame, io::IncomingBurst& burst);
    bool take_datagram(rte_mbuf* frame, const Frame& read, io::IncomingBurst& burst);
    bool answer(rte_mbuf* frame, const Frame& read);
    void pass_on(rte_mbuf* frame, const Frame& read);
    void send_for_kernel();

    Port& port_;
    const uint16_t lane_;
    const LinkOptions options_;
    uint16_t udp_port_ = 0;
    std::map<Ipv4, Route> routes_;
    std::map<Ipv4, Waiting> waiting_;     ///< by next hop
    size_t waiting_count_ = 0;
    uint64_t neighbours_version_ = 0;
    std::vector<rte_mbuf*> outgoing_;     ///< that the device did not take yet
    std::vector<rte_mbuf*> arrived_;      ///< of one burst of the device, those from arrived_next_ on not looked at
    size_t arrived_next_ = 0;
    std::vector<rte_mbuf*> lent_;         ///< by index
    std::vector<uint32_t> free_;
    LinkCounters counters_;
};

}  // namespace penstock::dpdk
