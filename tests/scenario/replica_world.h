// A cluster in one thread under virtual time: brokers of some shards, each on a simulated disk of its own, a
// coordinator, and scripted Kafka clients: see scenario/node_world.h.
//
// Brokers can be stopped, or crash: then the disk holds what `seed` decides of what was not durable, and the process
// that was is cut off from everybody while it ends on the old disk. Each start has a host name of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "coordinator/server.h"
#include "scenario/node_world.h"
#include "shard/shard.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "sim/store.h"

namespace penstock::scenario {

struct ReplicaWorldOptions {
    uint32_t brokers = 3;
    uint32_t shards = 2;
    uint64_t seed = 1;
    uint64_t cache_bytes = 16 * mib;
    broker::BrokerOptions broker;   ///< ids and shard numbers are filled in
    std::string secret = "the nodes' secret";
};

class ReplicaWorld final : public NodeWorld {
public:
    explicit ReplicaWorld(const ReplicaWorldOptions& options = {});
    ~ReplicaWorld();

    // Brokers count from 1, as their ids.
    void start(int32_t broker);
    /// SIGTERM.
    void stop(int32_t broker);
    void crash(int32_t broker, uint64_t seed);
    bool up(int32_t broker) const { return !node(broker).shards.empty(); }
    /// No datagram passes between it and anybody else, or they do again.
    void cut_off(int32_t broker, bool cut);
    /// Of a broker that is up.
    const broker::ClusterView& view(int32_t broker) const { return node(broker).shards[0]->view(); }
    shard::Shard& shard(int32_t broker, uint32_t number) { return *node(broker).shards[number]; }
    sim::Directory& directory(int32_t broker) { return *node(broker).directory; }

    /// To its Kafka port. Closed when the broker crashes.
    Client& connect(int32_t broker);
    /// A client that sends datagrams to a shard, and may prove that it is a node of the cluster.
    Client& connect_native(int32_t broker, uint32_t shard, bool proves);

    Uuid make_topic(const std::string& name, int32_t partitions, int16_t replicas,
                    std::vector<std::pair<std::string, std::string>> configs = {});
    /// On record, as far as any broker knows; null if nobody does.
    const broker::PartitionView* partition(const std::string& topic, int32_t number) const;
    /// Waits until somebody who is up leads it.
    int32_t leader(const std::string& topic, int32_t number);
    bool wait_for_in_sync(const std::string& topic, int32_t number, size_t count);

    const ReplicaWorldOptions options;

private:
    struct Connected {
        Client* client;
        int32_t broker;
    };
    struct Node {
        int32_t id = 0;
        uint64_t starts = 0;
        std::string host;
        std::unique_ptr<sim::Directory> directory;
        std::unique_ptr<shard::Mailboxes> mailboxes;
        std::vector<std::unique_ptr<sim::Disk>> disks;
        std::vector<std::unique_ptr<sim::Link>> links;
        std::vector<std::unique_ptr<sim::Streams>> tcp;
        std::vector<std::unique_ptr<transport::Streams>> native, nodes;
        std::vector<std::unique_ptr<shard::Shard>> shards;
        bool stores_stop = false;

        bool turn(Time time, Nanos& deadline);
        void begin_stop(Nanos now);
        /// Takes the next step of its stop. True: it has ended.
        bool step_stop(Nanos now);
    };

    Node& node(int32_t broker) { return *nodes_[static_cast<size_t>(broker) - 1]; }
    const Node& node(int32_t broker) const { return *nodes_[static_cast<size_t>(broker) - 1]; }
    void add_shard(Node& node, uint32_t number, log::OpenedDirectory& opened);
    Client& connect(const io::Address& to, const transport::StreamsOptions& native);
    void black_out(const std::string& host, bool dark);
    bool turn_nodes() override;
    Nanos next_of_nodes() const override;

    sim::StoreMedium medium_;
    std::unique_ptr<sim::Store> store_;
    std::unique_ptr<sim::Link> coordinator_link_;
    std::unique_ptr<transport::Streams> coordinator_streams_;
    std::optional<coordinator::Coordinator> coordinator_;
    std::unique_ptr<coordinator::Server> server_;
    std::vector<std::unique_ptr<Node>> nodes_, dying_;
    std::vector<Connected> connected_;
    Nanos deadline_ = never;
};

}  // namespace penstock::scenario
