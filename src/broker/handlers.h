// The handlers of the APIs that the broker serves: one file each.
#pragma once

#include "broker/handler.h"

namespace penstock::broker {

extern const Handler produce_handler;
extern const Handler fetch_handler;
extern const Handler list_offsets_handler;
extern const Handler metadata_handler;
extern const Handler api_versions_handler;
extern const Handler create_topics_handler;
extern const Handler delete_topics_handler;
extern const Handler delete_records_handler;
extern const Handler create_partitions_handler;
extern const Handler offset_for_leader_epoch_handler;
extern const Handler describe_topic_partitions_handler;
extern const Handler elect_leaders_handler;
extern const Handler alter_partition_reassignments_handler;
extern const Handler list_partition_reassignments_handler;
extern const Handler describe_log_dirs_handler;
extern const Handler init_producer_id_handler;
extern const Handler describe_configs_handler;
extern const Handler alter_configs_handler;
extern const Handler incremental_alter_configs_handler;
extern const Handler list_config_resources_handler;
extern const Handler describe_cluster_handler;
extern const Handler find_coordinator_handler;
extern const Handler join_group_handler;
extern const Handler sync_group_handler;
extern const Handler heartbeat_handler;
extern const Handler leave_group_handler;
extern const Handler offset_commit_handler;
extern const Handler offset_fetch_handler;
extern const Handler describe_groups_handler;
extern const Handler list_groups_handler;
extern const Handler delete_groups_handler;
extern const Handler offset_delete_handler;

}  // namespace penstock::broker
