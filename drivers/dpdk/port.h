// A network device of our own: its queues, its buffers, its address, and who has which port of UDP.
//
// A lane is what one link drives. The first lanes have a queue of the device each; those beyond share the queues in
// turn, and get only what the others hand over to them. So the lanes of a queue belong to one thread: all that it needs
// for itself is in the lanes' functions; hand_over() and the ports of UDP are for all threads. One thread opens and
// closes the port. A frame is an rte_mbuf of the lane's pool: who has the pointer frees it or passes it on.
// Where the device can, it is told which ports of UDP go to which queue. Where it sorts frames by their flow, or not at
// all, they may come to a lane that they are not for: its link hands them over.
// Where it is given a tap the kernel's stack shares its address: see ExceptionPath.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dpdk/exception_path.h"
#include "dpdk/failure.h"
#include "dpdk/kernel_neighbours.h"
#include "dpdk/neighbours.h"

struct rte_flow;
struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace penstock::dpdk {

struct PortOptions {
    Subnet subnet;
    Vlan vlan = 0;
    std::optional<Mac> mac;        ///< instead of the device's
    uint16_t queues = 1;           ///< one for each thread
    uint16_t lanes = 0;            ///< at least as many as queues; 0: as many
    uint32_t mtu = 1500;           ///< of IP
    uint16_t descriptors = 1024;   ///< of each queue, each way
    uint32_t frames_lent = 4096;   ///< of each queue: to readers, or waiting to be sent
    /// Ports of UDP for links that want no particular one, from the last one down.
    uint16_t first_free_port = 61'000, last_free_port = 65'535;   // above those that Linux gives to others
    std::string tap;               ///< what the device of the kernel is to be called that has all but our datagrams;
                                   ///< empty: there is none
    /// An interface that the kernel keeps, with its address and MAC: only datagrams to some ports of UDP come to us
    /// (xdp_program.h), and ARP is the kernel's. Empty: all that arrives is ours.
    std::string kernel_interface;
};

struct PortCounters {
    uint64_t received = 0, received_bytes = 0, sent = 0, sent_bytes = 0;
    uint64_t missed = 0;       ///< arrived while no descriptor was free
    uint64_t failed = 0;       ///< the device says that they were damaged
    uint64_t no_buffers = 0;
};

class Port {
public:
    /// By the name that DPDK has for it: a PCI address, or that of a virtual device.
    static Opened<std::unique_ptr<Port>> open(const std::string& device, const PortOptions& options);
    ~Port();   ///< after its links
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    const Mac& mac() const { return mac_; }
    Ipv4 ip() const { return options_.subnet.own; }
    Vlan vlan() const { return options_.vlan; }
    uint16_t lanes() const { return static_cast<uint16_t>(handed_over_.size()); }
    uint32_t mtu() const { return options_.mtu; }
    bool device_sums_udp() const { return device_sums_udp_; }
    Neighbours& neighbours() { return neighbours_; }
    /// Nothing where the port has no tap.
    ExceptionPath* exception_path() { return exception_path_.get(); }
    /// Whom to ask instead of the wire; null where the wire is to be asked.
    KernelNeighbours* kernel_neighbours() { return kernel_neighbours_.get(); }
    /// As the device counts.
    PortCounters counters() const;

    /// The port of UDP is the lane's from now on; 0: one that is free. Errc::exists if it is somebody else's.
    Result<uint16_t> bind(uint16_t udp_port, uint16_t lane);
    void unbind(uint16_t udp_port);
    /// Nothing where nobody has it.
    std::optional<uint16_t> lane_of(uint16_t udp_port) const {
        const uint16_t found = lane_of_[udp_port].load(std::memory_order_acquire);
        return found == 0 ? std::nullopt : std::optional<uint16_t>(static_cast<uint16_t>(found - 1));
    }

    // Of one lane.
    /// What was handed over to it, and what arrived at its queue.
    size_t receive(uint16_t lane, std::span<rte_mbuf*> out);
    /// Takes the first so many.
    size_t send(uint16_t lane, std::span<rte_mbuf*> frames);
    /// False, and nothing taken, where there are not so many.
    bool allocate(uint16_t lane, std::span<rte_mbuf*> out);

    /// False when that lane has more to do than it does: the frame is still the caller's.
    bool hand_over(uint16_t to_lane, rte_mbuf* frame);

private:

    explicit Port(const PortOptions& options);
    Opened<void> make_queues(const std::string& device, uint16_t room, int socket);
    Opened<void> start(const std::string& device);
    void steer(uint16_t udp_port, uint16_t queue);
    Opened<void> open_exception_path();
    std::string name_prefix() const { return "penstock-" + std::to_string(id_) + "-"; }

    uint16_t queue_of(uint16_t lane) const { return static_cast<uint16_t>(lane % options_.queues); }

    const PortOptions options_;
    uint16_t id_ = 0;
    bool started_ = false;
    bool device_sums_udp_ = false;
    bool af_xdp_ = false;
    Mac mac_{};
    std::vector<rte_mempool*> pools_;       ///< by queue
    std::vector<rte_ring*> handed_over_;    ///< by lane
    Neighbours neighbours_;
    std::mutex flows_mutex_;
    std::map<uint16_t, rte_flow*> flows_;   ///< of the device, by port of UDP
    std::unique_ptr<ExceptionPath> exception_path_;
    std::unique_ptr<KernelNeighbours> kernel_neighbours_;
    std::array<std::atomic<uint16_t>, 65'536> lane_of_{};   ///< and one; 0: nobody's
};

}  // namespace penstock::dpdk
