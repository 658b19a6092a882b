// TCP through io_uring: one multishot accept, a multishot receive per connection into the shard's buffers, and one
// sendmsg per connection at a time that takes all that is queued.
//
// Stepped by its Ring, on the ring's thread. Invariants: a connection has at most one send and one receive under way;
// its slot is used again only after nothing is under way and `closed` was polled; ids carry a generation.
// When the peer ends its side, sending goes on until close(). When all buffers are lent, connections wait in a row
// until buffers come back.
// What it does not do: no timeouts of its own; close() ends a connect() that takes too long.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/stream.h"
#include "socket/failure.h"
#include "uring/receive_pool.h"
#include "uring/ring.h"

namespace penstock::uring {

struct Connection;
struct QueuedEvent;

struct StreamOptions {
    uint32_t connections_max = 4096;       ///< further ones are accepted and closed at once
    uint32_t receive_buffers = 256;        ///< power of two
    uint32_t receive_buffer_bytes = 64 * 1024;
    int backlog = 1024;
};

struct StreamCounters {
    uint64_t accepted = 0;
    uint64_t refused = 0;            ///< above connections_max
    uint64_t accept_failures = 0;    ///< out of descriptors or memory: accepting paused for a moment
    uint64_t buffer_shortages = 0;   ///< receives that found no buffer
    uint64_t receives = 0, received_bytes = 0;
    uint64_t sends = 0, sent_bytes = 0;  ///< sendmsg operations
};

class Streams final : public io::Streams, private RingClient {
public:
    /// The ring must outlive it.
    static socket::Opened<std::unique_ptr<Streams>> create(Ring& ring, const StreamOptions& options = {});
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

private:
    enum class Verb : uint8_t {
        accept, accept_again, cancel_accept, connect, receive, cancel_receive, send, cancel_all
    };

    Streams(Ring& ring, const StreamOptions& options);
    void on_submit() override;
    void on_complete(uint64_t data, int32_t result, uint32_t flags) override;
    bool has_events() const override { return events_count_ > 0; }

    static uint64_t data_of(Verb verb, uint32_t index) { return uint64_t{static_cast<uint8_t>(verb)} << 32 | index; }
    io_uring_sqe* next_sqe(Verb verb, uint32_t index);
    io_uring_sqe* next_sqe(Verb verb, Connection& connection);
    void push_event(const QueuedEvent& event);

    // stream_accept.cpp: how connections begin.
    void arm_accept();
    void rest_from_accepting();
    void on_accepted(uint32_t listening, int32_t result, bool more);
    Connection* take_connection();
    void try_connect(Connection& connection, int32_t os_error);
    void on_connected(Connection& connection, int32_t result);

    // stream.cpp: what they carry, and how they end.
    Connection* find(io::ConnectionId id) const;
    void receive_if_wanted(Connection& connection);
    void cancel_receive(Connection& connection);
    void on_received(Connection& connection, int32_t result, uint32_t flags);
    void wake_starved();
    void mark_ready_to_send(Connection& connection);
    void start_send(Connection& connection);
    void on_sent(Connection& connection, int32_t result);
    void report_sent(Connection& connection);
    void end(Connection& connection, int32_t os_error);
    void finish_if_quiet(Connection& connection);

    Ring& ring_;
    StreamOptions options_;
    uint8_t client_ = 0;
    std::unique_ptr<ReceivePool> pool_;

    int listener_ = -1;
    uint32_t listening_ = 0;                ///< counts listen() calls: tells late accepts from current ones
    bool resting_ = false;                  ///< a timer will accept again

    std::vector<std::unique_ptr<Connection>> connections_;  ///< by index; grows to the most that were ever open
    std::vector<uint32_t> free_;
    uint32_t connections_in_use_ = 0;
    uint64_t next_generation_ = 1;
    std::vector<uint32_t> ready_to_send_;
    std::vector<uint32_t> starved_;         ///< oldest first, from starved_head_ on
    size_t starved_head_ = 0;

    std::vector<QueuedEvent> events_;       ///< a ring of a power of two, grown to the most that ever waited
    size_t events_head_ = 0, events_count_ = 0;
    uint32_t under_way_ = 0;                ///< operations in the kernel
    StreamCounters counters_;
};

}  // namespace penstock::uring
