// States to test the coordinator's rules on.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "coordinator/state.h"

namespace penstock::coordinator {

inline Uuid numbered(uint64_t number) { return make_uuid(mix64(number), mix64(number + 1)); }

inline Broker broker(int32_t id, bool fenced = false) {
    const auto number = static_cast<uint64_t>(id);
    return {.id = NodeId{id}, .incarnation = numbered(1000 + number), .storage_id = numbered(2000 + number),
            .host = "host" + std::to_string(id), .port = 9092, .shard_count = 2, .fenced = fenced};
}

inline std::vector<NodeId> ids(std::initializer_list<int32_t> numbers) {
    std::vector<NodeId> out;
    for (int32_t n : numbers) out.push_back(NodeId{n});
    return out;
}

inline Partition partition(int32_t leader, std::initializer_list<int32_t> replicas, std::initializer_list<int32_t> isr,
                           int32_t epoch = 0, int32_t partition_epoch = 0) {
    return {.leader = NodeId{leader}, .leader_epoch = LeaderEpoch{epoch}, .replicas = ids(replicas), .isr = ids(isr),
            .partition_epoch = partition_epoch};
}

/// The same on its way: from the replicas `before`, with those that come and those that go.
inline Partition moving(Partition partition, std::initializer_list<int32_t> before,
                        std::initializer_list<int32_t> adding, std::initializer_list<int32_t> removing) {
    partition.before = ids(before);
    partition.adding = ids(adding);
    partition.removing = ids(removing);
    return partition;
}

inline Topic topic(uint64_t number, const std::string& name, std::vector<Partition> partitions) {
    return {.id = numbered(number), .name = name, .revision = 0, .partitions = std::move(partitions), .configs = {}};
}

/// A broker that is alive and wants to stop.
inline Broker stopping_broker(int32_t id) {
    Broker made = broker(id);
    made.stopping = true;
    return made;
}

/// A cluster with an id, an epoch and living brokers 1 to `brokers`, all of it in the store.
inline State cluster(int32_t brokers) {
    State state = State::load({}).value();
    state.set_cluster_id(numbered(1));
    state.begin_epoch(numbered(2));
    for (int32_t id = 1; id <= brokers; ++id) state.set_broker(broker(id));
    state.take_transaction();
    return state;
}

}  // namespace penstock::coordinator
