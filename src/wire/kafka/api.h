// The table of Kafka's APIs that we speak: key, name, the versions that a broker serves and advertises, and the first
// flexible version. Adding an API is adding a row here and one file with its messages beside this one.
//
// Serve only versions of which every field is acted upon: clients jump to the highest that both sides know.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "wire/frame.h"

namespace penstock::wire::kafka {

enum class ApiKey : int16_t {
    produce = 0,
    fetch = 1,
    list_offsets = 2,
    metadata = 3,
    offset_commit = 8,
    offset_fetch = 9,
    find_coordinator = 10,
    join_group = 11,
    heartbeat = 12,
    leave_group = 13,
    sync_group = 14,
    describe_groups = 15,
    list_groups = 16,
    api_versions = 18,
    create_topics = 19,
    delete_topics = 20,
    delete_records = 21,
    init_producer_id = 22,
    offset_for_leader_epoch = 23,
    describe_configs = 32,
    alter_configs = 33,
    describe_log_dirs = 35,
    create_partitions = 37,
    delete_groups = 42,
    elect_leaders = 43,
    incremental_alter_configs = 44,
    alter_partition_reassignments = 45,
    list_partition_reassignments = 46,
    offset_delete = 47,
    describe_cluster = 60,
    list_config_resources = 74,
    describe_topic_partitions = 75,
};

constexpr Api api_row(ApiKey key, std::string_view name, int16_t first, int16_t last, int16_t flexible_from,
                      int16_t response_header_flexible_from) {
    return {static_cast<int16_t>(key), name, first, last, flexible_from, response_header_flexible_from};
}

/// In key order. Produce lists 0 to 2, which its handler refuses: librdkafka up to 2.11.0 compresses only if it sees 0.
/// The response to ApiVersions never has a flexible header: its reader may be older than the broker.
inline constexpr std::array apis{
    api_row(ApiKey::produce, "Produce", 0, 13, 9, 9),
    api_row(ApiKey::fetch, "Fetch", 4, 18, 12, 12),
    api_row(ApiKey::list_offsets, "ListOffsets", 1, 11, 6, 6),
    api_row(ApiKey::metadata, "Metadata", 0, 13, 9, 9),
    api_row(ApiKey::offset_commit, "OffsetCommit", 2, 10, 8, 8),
    api_row(ApiKey::offset_fetch, "OffsetFetch", 1, 10, 6, 6),
    api_row(ApiKey::find_coordinator, "FindCoordinator", 0, 6, 3, 3),
    api_row(ApiKey::join_group, "JoinGroup", 0, 9, 6, 6),
    api_row(ApiKey::heartbeat, "Heartbeat", 0, 4, 4, 4),
    api_row(ApiKey::leave_group, "LeaveGroup", 0, 5, 4, 4),
    api_row(ApiKey::sync_group, "SyncGroup", 0, 5, 4, 4),
    api_row(ApiKey::describe_groups, "DescribeGroups", 0, 6, 5, 5),
    api_row(ApiKey::list_groups, "ListGroups", 0, 5, 3, 3),
    api_row(ApiKey::api_versions, "ApiVersions", 0, 4, 3, never_flexible),
    api_row(ApiKey::create_topics, "CreateTopics", 2, 7, 5, 5),
    api_row(ApiKey::delete_topics, "DeleteTopics", 1, 6, 4, 4),
    api_row(ApiKey::delete_records, "DeleteRecords", 0, 2, 2, 2),
    api_row(ApiKey::init_producer_id, "InitProducerId", 0, 5, 2, 2),
    api_row(ApiKey::offset_for_leader_epoch, "OffsetForLeaderEpoch", 2, 4, 4, 4),
    api_row(ApiKey::describe_configs, "DescribeConfigs", 1, 4, 4, 4),
    api_row(ApiKey::alter_configs, "AlterConfigs", 0, 2, 2, 2),
    api_row(ApiKey::describe_log_dirs, "DescribeLogDirs", 1, 5, 2, 2),
    api_row(ApiKey::create_partitions, "CreatePartitions", 0, 3, 2, 2),
    api_row(ApiKey::delete_groups, "DeleteGroups", 0, 2, 2, 2),
    api_row(ApiKey::elect_leaders, "ElectLeaders", 0, 2, 2, 2),
    api_row(ApiKey::incremental_alter_configs, "IncrementalAlterConfigs", 0, 1, 1, 1),
    api_row(ApiKey::alter_partition_reassignments, "AlterPartitionReassignments", 0, 1, 0, 0),
    api_row(ApiKey::list_partition_reassignments, "ListPartitionReassignments", 0, 0, 0, 0),
    api_row(ApiKey::offset_delete, "OffsetDelete", 0, 0, never_flexible, never_flexible),
    api_row(ApiKey::describe_cluster, "DescribeCluster", 0, 2, 0, 0),
    api_row(ApiKey::list_config_resources, "ListConfigResources", 0, 1, 0, 0),
    api_row(ApiKey::describe_topic_partitions, "DescribeTopicPartitions", 0, 0, 0, 0),
};

/// nullptr for a key that we do not know.
constexpr const Api* find_api(int16_t key) {
    for (const Api& api : apis) {
        if (api.key == key) return &api;
    }
    return nullptr;
}

constexpr const Api& api_of(ApiKey key) {
    const Api* api = find_api(static_cast<int16_t>(key));
    PENSTOCK_ASSERT(api != nullptr);
    return *api;
}

}  // namespace penstock::wire::kafka
