// Streams of an endpoint as io/stream.h knows connections: whoever serves requests over TCP serves them over datagrams
// as well, and does not see the difference.
//
// Stepped by its shard: turn() at the start and at the end of a turn, what io::Streams says in between. Each stream is
// a connection of its own; those to one peer share one connection of the transport, which stays for the next.
// `sent` means that the peer's transport has the bytes. A paused stream is not read, so its peer's credit runs out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "io/stream.h"
#include "transport/endpoint.h"

namespace penstock::transport {

struct StreamsOptions {
    EndpointOptions endpoint;
    bool proves = false;        ///< its own connections show that it knows the secret; the peer must as well
    uint32_t connections_max = 16 * 1024;   ///< streams: further ones are given up at once
};

class Streams final : public io::Streams {
public:
    /// The link must outlive it, and is not open yet.
    Streams(io::Link& link, const StreamsOptions& options);
    ~Streams() override;

    /// True if it did anything.
    bool turn(Nanos now);
    Nanos next_deadline() const;

    /// Of one address only. Without it, the first connect() opens a port of the link's choice.
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

    /// Ends all connections: the next turn tells the peers, which would otherwise wait for the idle timeout.
    void shut_down();
    /// What is queued still goes, then the peer sees the end; receiving goes on.
    void end_sending(io::ConnectionId connection);

    const Endpoint* endpoint() const { return endpoint_.get(); }

private:
    struct ReadList;

    /// A send before the connection is open.
    struct EarlySend {
        std::vector<Fragment> fragments;
        uint64_t token = 0;
    };
    /// One stream, from accepted or connect() to closed.
    struct Open : ListLink<ReadList> {
        io::ConnectionId id;
        io::Endpoint peer;
        ConnectionId connection;          ///< zero until it is begun
        std::optional<uint32_t> stream;   ///< none until the connection is open
        bool paused = false;
        bool readable = false;
        bool ended = false;               ///< told
        std::vector<EarlySend> early;
    };
    /// What we connected to, and which of its streams wait to be opened.
    struct Opener {
        io::Endpoint peer;
        bool connected = false;
        std::vector<io::ConnectionId> waiting;
    };
    struct StreamName {
        uint64_t connection = 0;
        uint32_t stream = 0;
        friend bool operator==(const StreamName&, const StreamName&) = default;
    };
    struct StreamNameHash {
        size_t operator()(const StreamName& name) const { return mix64(name.connection ^ mix64(name.stream)); }
    };

    Result<uint16_t> open(const io::Address& address);
    void begin_connections(Nanos now);
    void take_events();
    void on_stream_event(const EndpointEvent& event);
    void on_closed(ConnectionId connection, CloseCode code);
    void accept(ConnectionId connection, uint32_t stream);
    void open_waiting(ConnectionId connection);
    Open* find(io::ConnectionId id) const;
    Open* find(ConnectionId connection, uint32_t stream) const;
    void emit(io::StreamEventKind kind, io::ConnectionId id, uint64_t token = 0, Error error = {});
    void forget(Open& open);
    bool read_next(io::StreamEvent& out);

    io::Link& link_;
    StreamsOptions options_;
    std::unique_ptr<Endpoint> endpoint_;         ///< once the link is open
    uint16_t port_ = 0;
    std::unordered_map<uint64_t, std::unique_ptr<Open>> open_;
    std::unordered_map<StreamName, Open*, StreamNameHash> by_stream_;
    std::unordered_map<uint64_t, Opener> openers_;          ///< by the connection's id
    std::map<io::Endpoint, ConnectionId> connections_;      ///< that openers can share
    std::vector<io::ConnectionId> to_begin_;                ///< connect() was called: the time is not known there
    IntrusiveList<Open, ReadList> readable_;
    Row<io::StreamEvent> events_;
    uint64_t next_id_ = 1;
};

}  // namespace penstock::transport
