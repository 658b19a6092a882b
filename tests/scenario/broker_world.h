// A whole node in one thread under virtual time: a broker of some shards on a simulated disk and network, a coordinator
// on a simulated store, and scripted Kafka clients: see scenario/node_world.h.
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
#include "scenario/node_world.h"
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

class BrokerWorld final : public NodeWorld {
public:
    explicit BrokerWorld(const BrokerWorldOptions& options = {});
    ~BrokerWorld();

    Client& connect();
    /// Until the broker knows that clients have what they received: on the native road that takes a moment more.
    void run_until_acknowledged() { run(20 * millisecond_ns); }

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

    std::unique_ptr<sim::Directory> directory;
    std::vector<std::unique_ptr<shard::Shard>> shards;
    const BrokerWorldOptions options;

private:
    transport::Streams* add_native(uint32_t shard);
    bool turn_nodes() override;
    Nanos next_of_nodes() const override;

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
