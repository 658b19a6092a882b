// Datagrams through UDP and epoll, for programs that cannot assume io_uring: recvmmsg when somebody asks, sendmmsg at
// once.
//
// Stepped by its Poller, on its thread. Segmentation offload both ways: a burst is one message to the kernel, and where
// receive offload puts datagrams together they arrive as one burst in one buffer. Invariants: the socket is
// level-triggered; it waits for datagrams unless all buffers are lent, and for room only after there was none. When all
// are lent the kernel's own buffer fills, then datagrams are lost.
// One socket serves both families where the address lets it. A host with several addresses should name the one to
// use: from a wildcard address the kernel chooses, and the peer may know another. Link-local addresses of IPv6 cannot
// be reached, since an Endpoint has no scope.
#pragma once

#include <cstdint>
#include <memory>

#include "io/link.h"
#include "socket/datagram_sender.h"
#include "socket/datagram_socket.h"
#include "socket/poller.h"
#include "socket/receive_buffers.h"
#include "socket/route_sizes.h"

namespace penstock::socket {

struct LinkOptions {
    uint32_t receive_buffers = 256;  ///< at most; each takes a burst, or one datagram that came alone
    uint32_t receive_buffer_bytes = 65'536;  ///< no datagram and no burst of the kernel is larger; what is, is lost
    DatagramSocketOptions socket;
    bool segmentation = true;        ///< false: each datagram is a message of its own to the kernel
};

struct LinkCounters {
    uint64_t bursts = 0, datagrams = 0, bytes = 0;  ///< received
    uint64_t calls = 0;              ///< of recvmmsg
    uint64_t empty = 0;              ///< datagrams without bytes: dropped
    uint64_t truncated = 0;          ///< bursts that did not fit a buffer: dropped
    uint64_t buffer_shortages = 0;   ///< receives that found no buffer
    uint64_t failures = 0;           ///< receives that the kernel ended with another error
};

class Link final : public io::Link, private PollerClient {
public:
    /// The poller must outlive it.
    static Opened<std::unique_ptr<Link>> create(Poller& poller, const LinkOptions& options = {});
    ~Link() override;

    Result<uint16_t> open(const io::Address& address) override;
    Result<io::Endpoint> resolve(const io::Address& address) override;
    uint32_t datagram_bytes_max(const io::Endpoint& to) override;
    size_t send(std::span<const io::OutgoingBurst> bursts) override;
    size_t receive(std::span<io::IncomingBurst> out) override;
    void release(const io::IncomingBurst& burst) override;
    double free_buffer_share() const override;

    const LinkCounters& counters() const { return counters_; }
    const DatagramSendCounters& send_counters() const { return sender_.counters(); }
    /// What the kernel lost because nobody received it in time. A system call.
    uint64_t dropped_by_kernel() const;
    /// Receive buffers that have memory.
    size_t allocated_buffers() const { return buffers_.allocated(); }

private:
    struct Batch;

    Link(Poller& poller, const LinkOptions& options);
    void flush(Nanos) override {}
    void on_ready(uint64_t data, uint32_t events) override;
    Nanos due() const override { return readable_ && !buffers_.none_free() ? Nanos{} : never; }

    void wait_for(uint32_t events);
    int receive_batch(size_t count);
    bool take(size_t message, io::IncomingBurst& burst);

    Poller& poller_;
    LinkOptions options_;
    uint8_t client_;
    DatagramSocket socket_;
    DatagramSender sender_;
    RouteSizes routes_;
    ReceiveBuffers buffers_;
    std::unique_ptr<Batch> batch_;
    size_t batch_next_ = 2;          ///< buffers to offer at once: as many as were of use, twice that when all were
    uint32_t waiting_for_ = 0;       ///< as the poller knows it
    bool readable_ = false;          ///< the kernel said so, and nobody found it empty since
    LinkCounters counters_;
};

}  // namespace penstock::socket
