// The Kafka side of one shard: all its client connections, and the requests that they sent.
//
// Stepped by its shard, once a turn: begin_turn(), on_event() for each stream event that is not the coordinator's,
// on_answered() for each call that came home, on_timers(), then step() until it finds nothing to do.
//
// Invariants. Each request is in exactly one place: the pool, its connection's rows, or the orphans (its client is gone
// and it waits for its calls). A connection that can go no further stands in no list, is paused if more bytes would
// come, and is put back to work by the event that it waits for.
// What it does not do: serve partitions (Owner), carry calls (the shard's mailboxes), connect to the coordinator.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "broker/connection.h"
#include "broker/frame_memory.h"
#include "broker/handler.h"
#include "broker/request.h"
#include "io/stream.h"

namespace penstock::broker {

struct ListenerCounters {
    uint64_t connections_accepted = 0, connections_refused = 0, connections_closed = 0;
    uint64_t connections_timed_out = 0;
    uint64_t frames_malformed = 0, requests_unknown = 0, requests_refused = 0;  ///< each ended its connection
    uint64_t requests = 0;
    uint64_t memory_waits = 0;   ///< connections that had to wait for request memory
};

class Listener final : public Serving {
public:
    Listener(const BrokerOptions& options, const TopicTable& topics, io::Streams& streams, Exchange& exchange);
    ~Listener();

    void begin_turn(Time now);
    void on_event(const io::StreamEvent& event);
    void on_answered(Call& call);
    bool on_timers();
    /// Starts requests, hands out responses. True if anything happened: then calls may have been made and answered.
    bool step();
    Nanos next_deadline() const;

    /// The cluster is known: before that connections wait, since every answer would be wrong.
    void begin_serving();
    /// Graceful stop: reads nothing more, cuts waits short, closes connections as they finish.
    void begin_stop();
    /// Closes what is left; open calls are still answered into the void.
    void close_all();
    bool stopped() const { return connections_.empty() && requests_in_use_ == 0; }

    size_t connections() const { return connections_.size(); }
    uint32_t requests_in_use() const { return requests_in_use_; }
    uint64_t request_bytes() const { return memory_.reserved(); }
    uint64_t arena_bytes() const { return arena_bytes_; }
    const ListenerCounters& counters() const { return counters_; }

private:
    void finish(Request& request, Result<std::span<const Fragment>> response) override;
    Exchange& exchange() override { return exchange_; }

    // Connections: listener.cpp
    void accept(const io::StreamEvent& event);
    void on_ended(Connection& connection);
    void on_closed(Connection& connection);
    using Serving::close;
    void close(Connection& connection);
    void leave_lists(Connection& connection);
    void work_on(Connection& connection);
    void work(Connection& connection);
    void read_frames(Connection& connection);
    void wait_for_memory(Connection& connection);
    bool settle(Connection& connection);
    bool answer_in_order(Connection& connection);
    void watch_time(Connection& connection);
    void retry_starved();

    // Requests: listener_requests.cpp
    bool room_for_request(const Connection& connection) const;
    FrameMemory& memory_of(const Connection& connection) { return connection.node ? node_memory_ : memory_; }
    void start(Connection& connection);
    Request& take_request();
    void hurry(Request& request);
    void abandon(Request& request);
    void end(Request& request);
    void recycle(Request& request);
    void count_arena(Request& request);

    io::Streams& streams_;
    Exchange& exchange_;
    FrameMemory memory_;
    FrameMemory node_memory_;   ///< of its own: clients wait for what replicas bring, and must not shut it out
    std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
    IntrusiveList<Connection, WorkList> work_;
    IntrusiveList<Connection, StarvedList> starved_;  ///< wait for request memory, in order of arrival
    TimerHeap connection_timers_;

    std::vector<std::unique_ptr<Request>> all_requests_;
    IntrusiveList<Request, RequestList> idle_requests_;
    uint32_t requests_in_use_ = 0;
    uint64_t arena_bytes_ = 0;
    uint32_t started_this_turn_ = 0;
    bool memory_freed_ = false;
    bool serving_ = false;
    bool stopping_ = false;
    ListenerCounters counters_;
};

}  // namespace penstock::broker
