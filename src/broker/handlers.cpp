#include "broker/handlers.h"

#include <array>

namespace penstock::broker {

namespace {

// In the order of how often they are called.
const std::array all{&produce_handler, &fetch_handler, &metadata_handler, &list_offsets_handler,
                     &api_versions_handler, &create_topics_handler, &delete_topics_handler,
                     &describe_cluster_handler, &heartbeat_handler, &offset_commit_handler, &offset_fetch_handler,
                     &find_coordinator_handler, &join_group_handler, &sync_group_handler, &leave_group_handler,
                     &describe_groups_handler, &list_groups_handler, &delete_groups_handler, &offset_delete_handler,
                     &init_producer_id_handler, &delete_records_handler, &create_partitions_handler,
                     &describe_configs_handler, &alter_configs_handler, &incremental_alter_configs_handler,
                     &list_config_resources_handler, &offset_for_leader_epoch_handler,
                     &describe_topic_partitions_handler, &elect_leaders_handler,
                     &alter_partition_reassignments_handler, &list_partition_reassignments_handler,
                     &describe_log_dirs_handler};
static_assert(all.size() == wire::kafka::apis.size());

}  // namespace

const Handler* find_handler(int16_t key) {
    for (const Handler* handler : all)
        if (static_cast<int16_t>(handler->key) == key) return handler;
    return nullptr;
}

}  // namespace penstock::broker
