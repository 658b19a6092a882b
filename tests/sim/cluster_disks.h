// What lies on the disks of a cluster, read without its brokers: whether the replicas of a partition hold the same.
//
// Looks at an image of each disk as a crash at this moment would leave it, and changes nothing. check_replicas() is for
// clusters that have come to rest.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cluster_model.h"
#include "cluster_world.h"
#include "log/store.h"

namespace penstock::sim {

struct StoredBatch {
    int64_t base = 0;
    uint32_t size = 0;
    uint32_t checksum = 0;   ///< of all its bytes, with its offset and epoch
    friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

struct StoredLog {
    int64_t start = 0, end = 0;
    std::vector<StoredBatch> batches;
};

/// As a crash at this moment leaves it.
std::map<log::LogKey, StoredLog> read_disk(const Directory& directory, CrashMode mode);

/// All logs of a broker that is down are on the other replicas' disks, as far as they reach, and durable there.
bool others_have_all(const ClusterWorld& world, const ClusterWorld::Broker& broker);

/// False: something on it has rotted that its broker would need a replica for.
bool is_whole(const Directory& directory);

/// Ends in fail_run() unless of each partition that the model knows all replicas have the same batches, up to the end.
void check_replicas(const ClusterWorld& world, const ClusterModel& model);

}  // namespace penstock::sim
