// Datagrams through UDP: a multishot receive into buffers of the link's own, and direct system calls to send.
//
// Stepped by its Ring, on the ring's thread. Segmentation offload both ways: a burst is one message to the kernel, and
// where receive offload puts datagrams together they arrive as one burst in one buffer. Invariants: one receive under
// way at most; a buffer is the kernel's, waits in arrived_, or is lent. When all are lent the kernel's own buffer
// fills, then datagrams are lost.
// One socket serves both families where the address lets it. A host with several addresses should name the one to
// use: from a wildcard address the kernel chooses, and the peer may know another. Link-local addresses of IPv6 cannot
// be reached, since an Endpoint has no scope.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/link.h"
#include "socket/datagram_sender.h"
#include "socket/datagram_socket.h"
#include "socket/failure.h"
#include "socket/route_sizes.h"
#include "uring/receive_pool.h"
#include "uring/ring.h"

namespace penstock::uring {

struct LinkOptions {
    uint32_t receive_buffers = 256;  ///< power of two; each takes a burst, or one datagram that came alone
    uint32_t receive_buffer_bytes = 65'536;  ///< no datagram and no burst of the kernel is larger; what is, is lost
    socket::DatagramSocketOptions socket;
    bool segmentation = true;        ///< false: each datagram is a message of its own to the kernel
};

struct LinkCounters {
    uint64_t bursts = 0, datagrams = 0, bytes = 0;  ///< received
    uint64_t empty = 0;              ///< datagrams without bytes: dropped
    uint64_t truncated = 0;          ///< bursts that did not fit a buffer: dropped
    uint64_t buffer_shortages = 0;   ///< receives that found no buffer
    uint64_t failures = 0;           ///< receives that the kernel ended with another error
};

class Link final : public io::Link, private RingClient {
public:
    /// The ring must outlive it.
    static socket::Opened<std::unique_ptr<Link>> create(Ring& ring, const LinkOptions& options = {});
    ~Link() override;

    Result<uint16_t> open(const io::Address& address) override;
    Result<io::Endpoint> resolve(const io::Address& address) override;
    uint32_t datagram_bytes_max(const io::Endpoint& to) override;
    size_t send(std::span<const io::OutgoingBurst> bursts) override;
    size_t receive(std::span<io::IncomingBurst> out) override;
    void release(const io::IncomingBurst& burst) override;
    double free_buffer_share() const override;

    const LinkCounters& counters() const { return counters_; }
    const socket::DatagramSendCounters& send_counters() const { return sender_.counters(); }
    /// What the kernel lost because nobody received it in time. A system call.
    uint64_t dropped_by_kernel() const;
    int descriptor() const { return socket_.descriptor; }

private:
    enum class Verb : uint8_t { receive, room, cancel };

    Link(Ring& ring, const LinkOptions& options);
    void on_submit() override;
    void on_complete(uint64_t data, int32_t result, uint32_t flags) override;
    bool has_events() const override { return arrived_count_ > 0; }

    io_uring_sqe* next_sqe(Verb verb);
    void arm_receive();
    void on_received(int32_t result, uint32_t flags);
    void take(uint32_t index, uint32_t size);

    Ring& ring_;
    LinkOptions options_;
    uint8_t client_;
    socket::DatagramSocket socket_;
    socket::DatagramSender sender_;
    socket::RouteSizes routes_;
    std::unique_ptr<ReceivePool> pool_;
    msghdr layout_{};                ///< of a receive buffer: how much of it is for the name and for the control data
    uint32_t under_way_ = 0;
    bool receiving_ = false, waiting_for_room_ = false;  ///< under way
    bool room_wanted_ = false, closing_ = false;
    std::vector<io::IncomingBurst> arrived_;  ///< a ring of as many as there are buffers
    size_t arrived_head_ = 0, arrived_count_ = 0;
    LinkCounters counters_;
};

}  // namespace penstock::uring
