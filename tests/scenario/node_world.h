// What scenarios of whole nodes have in common: networks and clients in one thread under virtual time.
//
// Everything turns until nothing happens, then time moves to the next event. Equal seeds give equal runs. What clients
// receive is cut into frames and decoded by the codec; raw bytes can be sent, too.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/arena.h"
#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "sim/stream.h"
#include "transport/streams.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/kafka/api.h"

namespace penstock::scenario {

class NodeWorld;

/// Whoever else lives in the world and takes turns with it.
class Participant {
public:
    virtual ~Participant() = default;
    /// True if anything happened.
    virtual bool turn() = 0;
    virtual Nanos next_deadline() const = 0;
};

/// One connection of a Kafka client.
class Client {
public:
    /// By the road of the address.
    Client(NodeWorld& world, const std::string& name, const io::Address& broker,
           const transport::StreamsOptions& native);
    ~Client();   ///< as when its process ends: the kernel closes TCP connections, and a native client says so itself

    /// Sends a request; its correlation id.
    template <class M>
    int32_t send(const M& message, int16_t version) {
        Arena arena(64 * mib);
        const auto frame = wire::request_frame(arena, ++last_correlation_, "test", message, version);
        EXPECT_TRUE(frame.has_value());
        std::vector<std::byte> bytes;
        for (const Fragment& fragment : *frame) bytes.insert(bytes.end(), fragment.data, fragment.data + fragment.size);
        send_bytes(std::move(bytes));
        return last_correlation_;
    }
    void send_bytes(std::vector<std::byte> bytes);

    /// The next response, which must be to `correlation`. What it points to lives until the next receive().
    template <class M>
    M receive(int32_t correlation, int16_t version) {
        M message;
        if (!wait_for_frame()) {
            ADD_FAILURE() << "no response";
            return message;
        }
        frame_ = take_frame();
        arena_.reset();
        fragment_ = {frame_.data(), static_cast<uint32_t>(frame_.size())};
        wire::Reader reader({&fragment_, 1}, arena_);
        int32_t answered = 0;
        EXPECT_TRUE(wire::decode_response_header(reader, api_of(M::key), version, answered));
        EXPECT_EQ(answered, correlation);
        EXPECT_TRUE(wire::decode(reader, message, version));
        EXPECT_EQ(reader.remaining(), 0u);
        return message;
    }
    template <class Response, class Request>
    Response ask(const Request& request, int16_t version) {
        return receive<Response>(send(request, version), version);
    }

    bool wait_for_frame(int64_t ns_max = 60 * second_ns);
    bool has_frame() const;
    std::vector<std::byte> take_frame();
    bool wait_for_close(int64_t ns_max = 60 * second_ns);
    bool closed() const { return closed_; }
    /// Stops and restarts reading what the broker sends.
    void stop_reading();
    void go_on_reading();
    void close();
    /// Ends its side behind what was sent, and goes on receiving.
    void end_sending() { ends_ = true; }
    uint64_t received_bytes() const { return received_total_; }
    Nanos next_deadline() const { return native_ ? native_->next_deadline() : never; }

    bool turn();

private:
    NodeWorld& world_;
    std::unique_ptr<sim::Streams> tcp_;              ///< one of the two roads
    std::unique_ptr<sim::Link> link_;
    std::unique_ptr<transport::Streams> native_;
    io::Streams* streams_ = nullptr;
    io::ConnectionId id_;
    bool connected_ = false, closed_ = false, ends_ = false;
    std::deque<std::vector<std::byte>> outgoing_;  ///< the first sending_ of them are with the streams
    size_t sending_ = 0;
    std::vector<std::byte> received_;
    uint64_t received_total_ = 0;
    int32_t last_correlation_ = 0;
    std::vector<std::byte> frame_;
    Fragment fragment_;
    Arena arena_{64 * mib};
};

class NodeWorld {
public:
    /// False: there is nothing left that could happen, or the time is over.
    template <class Condition>
    bool run_until(Condition condition, int64_t ns_max = 60 * second_ns) {
        const Nanos end = clock.now() + ns_max;
        while (!condition()) {
            settle();
            if (condition()) return true;
            if (clock.now() >= end || !move_time(end)) return false;
        }
        return true;
    }
    void run(int64_t ns) {
        run_until([] { return false; }, ns);
    }
    /// Everything that can happen without time passing.
    void settle();

    sim::Clock clock;
    sim::Network network;
    sim::DatagramNetwork datagrams;
    std::deque<std::unique_ptr<Client>> clients;
    std::vector<Participant*> participants;

    uint64_t next_seed() { return mix64(seed_ ^ ++seeds_); }

    transport::StreamsOptions native_options();
    /// Of those that prove the secret of the cluster.
    transport::StreamsOptions node_options(const std::string& secret);

protected:
    NodeWorld(uint64_t seed, const sim::NetworkOptions& options);
    ~NodeWorld() = default;

    /// Storage, coordinator and brokers. True if anything happened.
    virtual bool turn_nodes() = 0;
    virtual Nanos next_of_nodes() const = 0;

private:
    bool turn();
    bool move_time(Nanos end);

    const uint64_t seed_;
    uint64_t seeds_ = 0;
};

}  // namespace penstock::scenario
