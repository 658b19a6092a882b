// Every message of the table in every version against bytes that somebody else wrote.
#include <ranges>

#include "../golden.h"
#include "foreign_admin_messages.h"
#include "foreign_cluster_messages.h"
#include "foreign_config_messages.h"
#include "foreign_group_messages.h"
#include "foreign_record_messages.h"
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
#include "wire/kafka/join_group.h"
#include "wire/kafka/leave_group.h"
#include "wire/kafka/list_groups.h"
#include "wire/kafka/incremental_alter_configs.h"
#include "wire/kafka/init_producer_id.h"
#include "wire/kafka/list_config_resources.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/list_partition_reassignments.h"
#include "wire/kafka/metadata.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_delete.h"
#include "wire/kafka/offset_fetch.h"
#include "wire/kafka/offset_for_leader_epoch.h"
#include "wire/kafka/produce.h"
#include "wire/kafka/sync_group.h"

namespace penstock::wire::kafka {
namespace {

template <class Request, class Response>
void expect_foreign(std::string_view name) {
    int count = 0;
    const std::span<const ForeignMessage> lists[] = {foreign_record_messages, foreign_cluster_messages,
                                                     foreign_group_messages, foreign_admin_messages,
                                                     foreign_config_messages};
    for (const ForeignMessage& message : lists | std::views::join) {
        if (message.name != name) continue;
        SCOPED_TRACE(std::string(name) + (message.is_request ? " request" : " response"));
        std::vector<std::byte> bytes = hex(message.hex);
        if (message.is_request) expect_round_trip<Request>(bytes, message.version);
        else expect_round_trip<Response>(bytes, message.version);
        count += message.is_request ? 1 : 0;
    }
    const Api& api = api_of(Request::key);
    EXPECT_EQ(api.name, name);
    EXPECT_GE(count, api.last - api.first + 1 - (api.key == 0 ? 3 : 0)) << "some version is not covered";
}

TEST(Messages, as_others_write_them) {
    expect_foreign<ProduceRequest, ProduceResponse>("Produce");
    expect_foreign<FetchRequest, FetchResponse>("Fetch");
    expect_foreign<ListOffsetsRequest, ListOffsetsResponse>("ListOffsets");
    expect_foreign<MetadataRequest, MetadataResponse>("Metadata");
    expect_foreign<ApiVersionsRequest, ApiVersionsResponse>("ApiVersions");
    expect_foreign<CreateTopicsRequest, CreateTopicsResponse>("CreateTopics");
    expect_foreign<DeleteTopicsRequest, DeleteTopicsResponse>("DeleteTopics");
    expect_foreign<InitProducerIdRequest, InitProducerIdResponse>("InitProducerId");
    expect_foreign<DescribeClusterRequest, DescribeClusterResponse>("DescribeCluster");
}

TEST(Messages, of_groups_as_others_write_them) {
    expect_foreign<DeleteGroupsRequest, DeleteGroupsResponse>("DeleteGroups");
    expect_foreign<DescribeGroupsRequest, DescribeGroupsResponse>("DescribeGroups");
    expect_foreign<FindCoordinatorRequest, FindCoordinatorResponse>("FindCoordinator");
    expect_foreign<HeartbeatRequest, HeartbeatResponse>("Heartbeat");
    expect_foreign<JoinGroupRequest, JoinGroupResponse>("JoinGroup");
    expect_foreign<LeaveGroupRequest, LeaveGroupResponse>("LeaveGroup");
    expect_foreign<ListGroupsRequest, ListGroupsResponse>("ListGroups");
    expect_foreign<OffsetCommitRequest, OffsetCommitResponse>("OffsetCommit");
    expect_foreign<OffsetDeleteRequest, OffsetDeleteResponse>("OffsetDelete");
    expect_foreign<OffsetFetchRequest, OffsetFetchResponse>("OffsetFetch");
    expect_foreign<SyncGroupRequest, SyncGroupResponse>("SyncGroup");
}

TEST(Messages, of_administration_as_others_write_them) {
    expect_foreign<CreatePartitionsRequest, CreatePartitionsResponse>("CreatePartitions");
    expect_foreign<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>("OffsetForLeaderEpoch");
    expect_foreign<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>("DescribeTopicPartitions");
    expect_foreign<ElectLeadersRequest, ElectLeadersResponse>("ElectLeaders");
    expect_foreign<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>(
        "AlterPartitionReassignments");
    expect_foreign<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>("ListPartitionReassignments");
    expect_foreign<DescribeLogDirsRequest, DescribeLogDirsResponse>("DescribeLogDirs");
    expect_foreign<DeleteRecordsRequest, DeleteRecordsResponse>("DeleteRecords");
}

TEST(Messages, of_configs_as_others_write_them) {
    expect_foreign<DescribeConfigsRequest, DescribeConfigsResponse>("DescribeConfigs");
    expect_foreign<AlterConfigsRequest, AlterConfigsResponse>("AlterConfigs");
    expect_foreign<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>("IncrementalAlterConfigs");
    expect_foreign<ListConfigResourcesRequest, ListConfigResourcesResponse>("ListConfigResources");
}

}  // namespace
}  // namespace penstock::wire::kafka
