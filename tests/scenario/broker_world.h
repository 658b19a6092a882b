// A whole node in one thread under virtual time: a broker of some shards on a simulated disk and network, a coordinator
// on a simulated store, and scripted Kafka clients.
//
// Everything turns until nothing happens, then time moves to the next event. Equal seeds give equal runs. What clients
// receive is cut into frames and decoded by the codec; raw bytes can be sent, too.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/arena.h"
#include "coordinator/coordinator.h"
#include "coordinator/server.h"
#include "shard/shard.h"
#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "sim/link.h"
#include "sim/store.h"
#include "sim/stream.h"
#include "transport/streams.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/kafka/api.h"
#include "wire/records.h"

namespace penstock::scenario {

using wire::kafka::ErrorCode;

/// What every scenario holds for holds on both roads: with PENSTOCK_ROAD=native in the environment clients send
/// datagrams.
io::Road road_of_this_run();

struct BrokerWorldOptions {
    uint32_t shards = 2;
    uint64_t seed = 1;
    bool coordinator = true;
    broker::BrokerOptions broker;         ///< shard numbers are filled in
    uint64_t cache_bytes = 16 * mib;
    sim::NetworkOptions network;
    uint32_t receive_buffers = 64;
    io::Road road = road_of_this_run();   ///< of the clients
    std::string secret = "the nodes' secret";
    std::vector<io::Address> silent_coordinators;   ///< in the broker's list before the one that is there
};

class BrokerWorld;

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
    explicit Client(BrokerWorld& world, const std::string& name);
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
    BrokerWorld& world_;
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

class BrokerWorld {
public:
    explicit BrokerWorld(const BrokerWorldOptions& options = {});
    ~BrokerWorld();

    Client& connect();
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
    /// Until the broker knows that clients have what they received: on the native road that takes a moment more.
    void run_until_acknowledged() { run(20 * millisecond_ns); }
    /// Everything that can happen without time passing.
    void settle();

    void start_coordinator();
    void stop_coordinator();
    /// SIGTERM: all steps, until the stores have drained.
    void stop_broker();
    /// Starts the broker on what is on the disk.
    void start_broker();
    void crash_broker(uint64_t seed);

    /// Makes a topic and waits until it is there; its id.
    Uuid make_topic(const std::string& name, int32_t partitions = 1,
                    std::vector<std::pair<std::string, std::string>> configs = {});
    /// A partition of the topic that this shard owns, -1 if there is none.
    int32_t partition_of(const Uuid& topic, int32_t partitions, uint32_t shard) const;

    sim::Clock clock;
    sim::Network network;
    sim::DatagramNetwork datagrams;
    std::unique_ptr<sim::Directory> directory;
    std::vector<std::unique_ptr<shard::Shard>> shards;
    std::deque<std::unique_ptr<Client>> clients;
    std::vector<Participant*> participants;
    const BrokerWorldOptions options;

    /// Of a node that knows the secret.
    transport::StreamsOptions node_options();
    uint64_t next_seed() { return mix64(options.seed ^ ++seeds_); }

private:
    friend class Client;
    bool move_time(Nanos end);
    transport::Streams* add_native(uint32_t shard);
    bool turn();

    sim::StoreMedium medium_;
    std::unique_ptr<sim::Store> store_;
    std::unique_ptr<sim::Link> coordinator_link_;
    std::unique_ptr<transport::Streams> coordinator_streams_;
    std::optional<coordinator::Coordinator> coordinator_;
    std::unique_ptr<coordinator::Server> server_;
    std::unique_ptr<shard::Mailboxes> mailboxes_;
    std::vector<std::unique_ptr<sim::Disk>> disks_;
    std::vector<std::unique_ptr<sim::Streams>> streams_;
    std::vector<std::unique_ptr<sim::Link>> links_;
    std::vector<std::unique_ptr<transport::Streams>> native_;
    std::unique_ptr<sim::Link> node_link_;
    std::unique_ptr<transport::Streams> nodes_;
    Nanos shards_deadline_ = never;
    uint64_t starts_ = 0;
    uint64_t seeds_ = 0;
};

/// A batch of records with these values, as a producer sends it.
std::vector<std::byte> make_batch(const std::vector<std::string>& values, wire::Codec codec = wire::Codec::none,
                                  int64_t timestamp_ms = 1'700'000'000'000);

/// The same as an idempotent producer sends it.
struct ProducerStamp {
    int64_t id = 0;
    int16_t epoch = 0;
    int32_t sequence = 0;
    int16_t attributes = 0;   ///< added to the batch's
};
std::vector<std::byte> make_batch(const std::vector<std::string>& values, const ProducerStamp& producer);

/// The values of all records from `offset` on, in a row of whole batches. A batch that is cut off at the end is passed
/// over.
std::vector<std::string> values_of(std::span<const Fragment> records, int64_t offset = 0);

}  // namespace penstock::scenario
