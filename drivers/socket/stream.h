// TCP through plain sockets and epoll, for programs that cannot assume io_uring.
//
// Stepped by its Poller, on its thread: what was queued is sent when the poller looks, bytes are received in poll(),
// so that nothing is read that nobody takes. Each socket is registered once, edge-triggered: of room to send the
// kernel only speaks after it had none, and a pause costs no system call. Invariants: a connection that may have
// something to read and may be read stands in readable_; one that has something to send, and room, in sending_; a slot
// is used again only after `closed` was polled; ids carry a generation.
// What it does not do: no timeouts of its own; close() ends a connect() that takes too long.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/stream.h"
#include "socket/poller.h"
#include "socket/receive_buffers.h"

namespace penstock::socket {

struct Connection;
struct QueuedEvent;

struct StreamOptions {
    uint32_t connections_max = 4096;       ///< further ones are accepted and closed at once
    uint32_t receive_buffers = 256;        ///< at most: each is allocated when it is first needed
    uint32_t receive_buffer_bytes = 64 * 1024;
    int backlog = 1024;
};

struct StreamCounters {
    uint64_t accepted = 0;
    uint64_t refused = 0;            ///< above connections_max
    uint64_t accept_failures = 0;    ///< out of descriptors or memory: accepting paused for a moment
    uint64_t buffer_shortages = 0;   ///< times that reading stopped because all buffers were lent
    uint64_t receives = 0, received_bytes = 0;
    uint64_t sends = 0, sent_bytes = 0;  ///< sendmsg calls that took something
    uint64_t send_shortages = 0;     ///< and those that found no room
};

class Streams final : public io::Streams, private PollerClient {
public:
    /// The poller must outlive it.
    static Opened<std::unique_ptr<Streams>> create(Poller& poller, const StreamOptions& options = {});
    ~Streams() override;

    Result<uint16_t> listen(const io::Address& address) override;
    void stop_listening() override;
    Result<io::ConnectionId> connect(const io::Address& address) override;
    Result<void> send(io::ConnectionId connection, std::span<const Fragment> fragments, uint64_t token) override;
    void pause(io::ConnectionId connection) override;
    void resume(io::ConnectionId connection) override;
    void release(const io::ReceiveBuffer& buffer) override;
    double free_buffer_share() const override;
    void close(io::ConnectionId connection) override;
    size_t poll(std::span<io::StreamEvent> out) override;

    const StreamCounters& counters() const { return counters_; }
    uint32_t connections() const { return connections_in_use_; }
    /// Receive buffers that have memory.
    size_t allocated_buffers() const { return buffers_.allocated(); }

private:
    static constexpr uint64_t listener_data = uint64_t{1} << 32;  ///< to the poller; a connection's is its index

    Streams(Poller& poller, const StreamOptions& options);
    void flush(Nanos now) override;
    void on_ready(uint64_t data, uint32_t events) override;
    Nanos due() const override;

    void push_event(const QueuedEvent& event);
    size_t take_events(std::span<io::StreamEvent> out);

    // stream_accept.cpp: how connections begin.
    void accept_some();
    Connection* take_connection();
    void try_connect(Connection& connection, int32_t os_error);
    void on_connect_ready(Connection& connection);

    // stream.cpp: what they carry, and how they end.
    Connection* find(io::ConnectionId id) const;
    void read_if_wanted(Connection& connection);
    size_t receive(std::span<io::StreamEvent> out);
    bool receive_once(Connection& connection, io::StreamEvent& event);
    void mark_sending(Connection& connection);
    void send_some(Connection& connection);
    void report_sent(Connection& connection);
    void end(Connection& connection, int32_t os_error);
    void close_descriptor(Connection& connection);

    Poller& poller_;
    StreamOptions options_;
    uint8_t client_;
    ReceiveBuffers buffers_;
    Nanos now_{};                           ///< of the last flush

    int listener_ = -1;
    bool acceptable_ = false;               ///< somebody may wait at the listener
    Nanos rest_until_{};                    ///< no accept before

    std::vector<std::unique_ptr<Connection>> connections_;  ///< by index; grows to the most that were ever open
    std::vector<uint32_t> free_;
    uint32_t connections_in_use_ = 0;
    uint64_t next_generation_ = 1;
    std::vector<uint32_t> readable_;        ///< oldest first, from readable_head_ on
    size_t readable_head_ = 0;
    std::vector<uint32_t> sending_, sending_now_;

    std::vector<QueuedEvent> events_;       ///< a ring of a power of two, grown to the most that ever waited
    size_t events_head_ = 0, events_count_ = 0;
    StreamCounters counters_;
};

}  // namespace penstock::socket
