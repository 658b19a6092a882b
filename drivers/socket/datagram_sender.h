// Bursts to the kernel: as many as there are in one sendmmsg, each as one message that the kernel or the device cuts
// into datagrams (UDP_SEGMENT).
//
// Used by Link, on its thread. System calls of our own instead of operations of the ring: then the bytes are the
// caller's again at once, and nothing is copied for it. Of 16 messages of 100 bytes over loopback (2 cores, Linux 6.18)
// each costs 2,720 ns in one sendmmsg, 2,880 ns in a sendmsg of its own, 2,870 ns as an operation of a ring that sends
// from a copy; a burst of 44 datagrams of 1,472 bytes 4,240, 4,310 and 5,120 ns.
// Where segmentation is refused, by the kernel or by the device, each datagram becomes a message, for good.
// What it does not do: nothing waits in here; what the socket has no room for stays with the caller.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <span>

#include "io/link.h"

namespace penstock::socket {

struct DatagramSendCounters {
    uint64_t bursts = 0;         ///< taken, with those that got lost
    uint64_t datagrams = 0, bytes = 0;  ///< that the kernel took
    uint64_t lost = 0;           ///< datagrams that the network or the kernel refused
    uint64_t calls = 0;          ///< of sendmmsg
    uint64_t shortages = 0;      ///< calls that found no room in the socket
    uint64_t segmentation_refusals = 0;  ///< 1 at most: since then each datagram is a message
};

class DatagramSender {
public:
    /// `segmentation`: whether to try it.
    explicit DatagramSender(bool segmentation);
    ~DatagramSender();
    DatagramSender(const DatagramSender&) = delete;
    DatagramSender& operator=(const DatagramSender&) = delete;

    /// Once, before the first send(). The socket stays the caller's.
    void open(int socket, sa_family_t family);
    /// How many of them, from the first on, were sent or are lost. Fewer than all: the socket has no room now.
    size_t send(std::span<const io::OutgoingBurst> bursts);
    const DatagramSendCounters& counters() const { return counters_; }

private:
    struct Batch;

    void fill(std::span<const io::OutgoingBurst> bursts);
    bool append(const io::OutgoingBurst& burst);
    void begin_message(uint32_t datagram_bytes, uint32_t bytes);
    size_t transmit();
    bool doubt_segmentation(size_t message, int os_error);
    size_t lose_rest_of_burst(size_t message);

    int socket_ = -1;
    sa_family_t family_ = AF_UNSPEC;
    bool segmentation_;
    bool testing_ = false;       ///< the batch's first message tells whether segmentation was what got refused
    bool no_room_ = false;
    std::unique_ptr<Batch> batch_;
    DatagramSendCounters counters_;
};

}  // namespace penstock::socket
