// The handlers of the APIs that the broker serves, to clients and to other nodes: one file and one namespace each.
#pragma once

#include "broker/handler.h"

namespace penstock::broker {

namespace produce { extern const Handler handler; }
namespace fetch { extern const Handler handler; }
namespace list_offsets { extern const Handler handler; }
namespace metadata { extern const Handler handler; }
namespace api_versions { extern const Handler handler; }
namespace create_topics { extern const Handler handler; }
namespace delete_topics { extern const Handler handler; }
namespace delete_records { extern const Handler handler; }
namespace create_partitions { extern const Handler handler; }
namespace offset_for_leader_epoch { extern const Handler handler; }
namespace describe_topic_partitions { extern const Handler handler; }
namespace elect_leaders { extern const Handler handler; }
namespace alter_partition_reassignments { extern const Handler handler; }
namespace list_partition_reassignments { extern const Handler handler; }
namespace describe_log_dirs { extern const Handler handler; }
namespace init_producer_id { extern const Handler handler; }
namespace describe_configs { extern const Handler handler; }
namespace alter_configs { extern const Handler handler; }
namespace incremental_alter_configs { extern const Handler handler; }
namespace list_config_resources { extern const Handler handler; }
namespace describe_cluster { extern const Handler handler; }
namespace find_coordinator { extern const Handler handler; }
namespace join_group { extern const Handler handler; }
namespace sync_group { extern const Handler handler; }
namespace heartbeat { extern const Handler handler; }
namespace leave_group { extern const Handler handler; }
namespace offset_commit { extern const Handler handler; }
namespace offset_fetch { extern const Handler handler; }
namespace describe_groups { extern const Handler handler; }
namespace list_groups { extern const Handler handler; }
namespace delete_groups { extern const Handler handler; }
namespace offset_delete { extern const Handler handler; }
namespace read_replica { extern const Handler handler; }
namespace replica_state { extern const Handler handler; }
namespace replicate { extern const Handler handler; }

}  // namespace penstock::broker
