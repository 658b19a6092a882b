#include "broker/handlers.h"

#include <array>
#include <span>

namespace penstock::broker {

namespace {

// In the order of how often they are called.
const std::array all{&produce::handler, &fetch::handler, &metadata::handler, &list_offsets::handler,
                     &api_versions::handler, &create_topics::handler, &delete_topics::handler,
                     &describe_cluster::handler, &heartbeat::handler, &offset_commit::handler, &offset_fetch::handler,
                     &find_coordinator::handler, &join_group::handler, &sync_group::handler, &leave_group::handler,
                     &describe_groups::handler, &list_groups::handler, &delete_groups::handler, &offset_delete::handler,
                     &init_producer_id::handler, &delete_records::handler, &create_partitions::handler,
                     &describe_configs::handler, &alter_configs::handler, &incremental_alter_configs::handler,
                     &list_config_resources::handler, &offset_for_leader_epoch::handler,
                     &describe_topic_partitions::handler, &elect_leaders::handler,
                     &alter_partition_reassignments::handler, &list_partition_reassignments::handler,
                     &describe_log_dirs::handler};
static_assert(all.size() == wire::kafka::apis.size());

const std::array for_nodes{&replicate::handler, &replica_state::handler, &read_replica::handler};

}  // namespace

const Handler* find_handler(int16_t key) {
    for (const std::span<const Handler* const> some : {std::span<const Handler* const>(all), {for_nodes}})
        for (const Handler* handler : some)
            if (handler->key == key) return handler;
    return nullptr;
}

}  // namespace penstock::broker
