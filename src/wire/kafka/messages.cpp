// Reading and writing of this folder's messages: compiled here, once, for all who do it.
#include "wire/kafka/alter_configs.h"
#include "wire/kafka/alter_partition_reassignments.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/create_partitions.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/delete_groups.h"
#include "wire/kafka/delete_records.h"
#include "wire/kafka/delete_topics.h"
#include "wire/kafka/describe_cluster.h"
#include "wire/kafka/describe_configs.h"
#include "wire/kafka/describe_groups.h"
#include "wire/kafka/describe_log_dirs.h"
#include "wire/kafka/describe_topic_partitions.h"
#include "wire/kafka/elect_leaders.h"
#include "wire/kafka/fetch.h"
#include "wire/kafka/find_coordinator.h"
#include "wire/kafka/heartbeat.h"
#include "wire/kafka/incremental_alter_configs.h"
#include "wire/kafka/init_producer_id.h"
#include "wire/kafka/join_group.h"
#include "wire/kafka/leave_group.h"
#include "wire/kafka/list_config_resources.h"
#include "wire/kafka/list_groups.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/list_partition_reassignments.h"
#include "wire/kafka/metadata.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_delete.h"
#include "wire/kafka/offset_fetch.h"
#include "wire/kafka/offset_for_leader_epoch.h"
#include "wire/kafka/produce.h"
#include "wire/kafka/sync_group.h"

namespace penstock::wire {

#define PENSTOCK_CODEC(M)                                \
    template bool decode(Reader&, M&, int16_t);          \
    template bool encode(Writer&, const M&, int16_t);    \
    template uint64_t encoded_size(const M&, int16_t)

PENSTOCK_CODEC(kafka::AlterConfigsRequest);
PENSTOCK_CODEC(kafka::AlterConfigsResponse);
PENSTOCK_CODEC(kafka::AlterPartitionReassignmentsRequest);
PENSTOCK_CODEC(kafka::AlterPartitionReassignmentsResponse);
PENSTOCK_CODEC(kafka::ApiVersionsRequest);
PENSTOCK_CODEC(kafka::ApiVersionsResponse);
PENSTOCK_CODEC(kafka::CreatePartitionsRequest);
PENSTOCK_CODEC(kafka::CreatePartitionsResponse);
PENSTOCK_CODEC(kafka::CreateTopicsRequest);
PENSTOCK_CODEC(kafka::CreateTopicsResponse);
PENSTOCK_CODEC(kafka::DeleteGroupsRequest);
PENSTOCK_CODEC(kafka::DeleteGroupsResponse);
PENSTOCK_CODEC(kafka::DeleteRecordsRequest);
PENSTOCK_CODEC(kafka::DeleteRecordsResponse);
PENSTOCK_CODEC(kafka::DeleteTopicsRequest);
PENSTOCK_CODEC(kafka::DeleteTopicsResponse);
PENSTOCK_CODEC(kafka::DescribeClusterRequest);
PENSTOCK_CODEC(kafka::DescribeClusterResponse);
PENSTOCK_CODEC(kafka::DescribeConfigsRequest);
PENSTOCK_CODEC(kafka::DescribeConfigsResponse);
PENSTOCK_CODEC(kafka::DescribeGroupsRequest);
PENSTOCK_CODEC(kafka::DescribeGroupsResponse);
PENSTOCK_CODEC(kafka::DescribeLogDirsRequest);
PENSTOCK_CODEC(kafka::DescribeLogDirsResponse);
PENSTOCK_CODEC(kafka::DescribeTopicPartitionsRequest);
PENSTOCK_CODEC(kafka::DescribeTopicPartitionsResponse);
PENSTOCK_CODEC(kafka::ElectLeadersRequest);
PENSTOCK_CODEC(kafka::ElectLeadersResponse);
PENSTOCK_CODEC(kafka::FetchRequest);
PENSTOCK_CODEC(kafka::FetchResponse);
PENSTOCK_CODEC(kafka::FindCoordinatorRequest);
PENSTOCK_CODEC(kafka::FindCoordinatorResponse);
PENSTOCK_CODEC(kafka::HeartbeatRequest);
PENSTOCK_CODEC(kafka::HeartbeatResponse);
PENSTOCK_CODEC(kafka::IncrementalAlterConfigsRequest);
PENSTOCK_CODEC(kafka::IncrementalAlterConfigsResponse);
PENSTOCK_CODEC(kafka::InitProducerIdRequest);
PENSTOCK_CODEC(kafka::InitProducerIdResponse);
PENSTOCK_CODEC(kafka::JoinGroupRequest);
PENSTOCK_CODEC(kafka::JoinGroupResponse);
PENSTOCK_CODEC(kafka::LeaveGroupRequest);
PENSTOCK_CODEC(kafka::LeaveGroupResponse);
PENSTOCK_CODEC(kafka::ListConfigResourcesRequest);
PENSTOCK_CODEC(kafka::ListConfigResourcesResponse);
PENSTOCK_CODEC(kafka::ListGroupsRequest);
PENSTOCK_CODEC(kafka::ListGroupsResponse);
PENSTOCK_CODEC(kafka::ListOffsetsRequest);
PENSTOCK_CODEC(kafka::ListOffsetsResponse);
PENSTOCK_CODEC(kafka::ListPartitionReassignmentsRequest);
PENSTOCK_CODEC(kafka::ListPartitionReassignmentsResponse);
PENSTOCK_CODEC(kafka::MetadataRequest);
PENSTOCK_CODEC(kafka::MetadataResponse);
PENSTOCK_CODEC(kafka::OffsetCommitRequest);
PENSTOCK_CODEC(kafka::OffsetCommitResponse);
PENSTOCK_CODEC(kafka::OffsetDeleteRequest);
PENSTOCK_CODEC(kafka::OffsetDeleteResponse);
PENSTOCK_CODEC(kafka::OffsetFetchRequest);
PENSTOCK_CODEC(kafka::OffsetFetchResponse);
PENSTOCK_CODEC(kafka::OffsetForLeaderEpochRequest);
PENSTOCK_CODEC(kafka::OffsetForLeaderEpochResponse);
PENSTOCK_CODEC(kafka::ProduceRequest);
PENSTOCK_CODEC(kafka::ProduceResponse);
PENSTOCK_CODEC(kafka::SyncGroupRequest);
PENSTOCK_CODEC(kafka::SyncGroupResponse);

#undef PENSTOCK_CODEC

}  // namespace penstock::wire
