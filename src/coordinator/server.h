// One turn of the coordinator's process: carries bytes between connections, the state machine and the store.
//
// Stepped by the main thread (or a simulation). Invariants: what was received is handed on before deadlines are looked
// at, so a late turn does not fence a broker whose heartbeat lies in the socket; a connection holds at most
// connection_frames_max answers, then it is closed; it acts only while the store says that it is the active one.
// What it does not do: decide anything, listen (the caller does, on the same Streams, which also refuse who does not
// know the cluster's secret), log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/coordinator.h"
#include "io/store.h"
#include "transport/streams.h"
#include "wire/node/frame_cutter.h"

namespace penstock::coordinator {

class Server {
public:
    Server(Coordinator& coordinator, transport::Streams& streams, io::Store& store)
        : coordinator_(coordinator), streams_(streams), store_(store) {}

    /// True if anything happened: there may be more. Does nothing any more once the store's role is lost.
    bool turn(Nanos now);
    Nanos next_deadline() const { return std::min(coordinator_.next_deadline(), streams_.next_deadline()); }

    /// From now on nothing is accepted and nothing read; what the store was given is waited for and answered.
    void begin_stop();
    /// Nothing is at the store or on its way out any more.
    bool drained() const;
    /// Ends all connections, and says so to the brokers. The last thing.
    void close_all(Nanos now);

private:
    struct Connection {
        wire::node::FrameCutter cutter;
        std::deque<std::vector<std::byte>> frames;  ///< in order; the first `sending` are with the streams
        size_t sending = 0;
    };

    bool take_stream_events(Nanos now);
    void on_event(const io::StreamEvent& event, Nanos now);
    void on_received(const io::StreamEvent& event, Nanos now);
    void on_closed(io::ConnectionId id);
    bool take_store_completions(Nanos now);
    bool give_transactions(Nanos now);
    bool give_frames();
    void close(io::ConnectionId id);
    void send(io::ConnectionId id, Connection& connection);

    Coordinator& coordinator_;
    transport::Streams& streams_;
    io::Store& store_;
    std::map<io::ConnectionId, Connection> connections_;
    bool store_busy_ = false;
    bool stopping_ = false;
};

}  // namespace penstock::coordinator
