// Any frame through header and message decoding, for every API, request and response.
//
// Input: piece size (0: whole) | 0 request, else response | for a response: key of the API, version | frame.
// What decodes must encode, and the encoding must decode to a message that encodes to the same bytes; how the frame is
// cut into buffers must make no difference.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
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

namespace {

using namespace penstock;
using namespace penstock::wire;
using namespace penstock::wire::kafka;

constexpr size_t arena_bytes = 4 << 20;

std::vector<Fragment> cut(std::span<const std::byte> bytes, size_t piece) {
    std::vector<Fragment> chain;
    while (!bytes.empty()) {
        size_t n = piece == 0 ? bytes.size() : std::min(piece, bytes.size());
        chain.push_back({bytes.data(), static_cast<uint32_t>(n)});
        bytes = bytes.subspan(n);
    }
    return chain;
}

std::vector<std::byte> joined(std::span<const Fragment> chain) {
    std::vector<std::byte> out;
    for (const Fragment& f : chain) out.insert(out.end(), f.data, f.data + f.size);
    return out;
}

template <class M>
void check(Reader& reader, int16_t version) {
    M message{};
    if (!decode(reader, message, version)) return;
    Arena arena(arena_bytes);
    Writer writer(arena);
    if (!encode(writer, message, version)) {
        PENSTOCK_ASSERT(writer.error() == Errc::too_large);
        return;
    }
    std::vector<std::byte> first = joined(writer.finish());
    PENSTOCK_ASSERT(first.size() == encoded_size(message, version));

    std::vector<Fragment> chain = cut(first, 0);
    Reader again(chain, arena);
    M copy{};
    if (!decode(again, copy, version)) {
        PENSTOCK_ASSERT(again.error() == Errc::too_large);
        return;
    }
    PENSTOCK_ASSERT(again.remaining() == 0);
    Writer second(arena);
    if (encode(second, copy, version)) PENSTOCK_ASSERT(joined(second.finish()) == first);
}

template <class Request, class Response>
void check_either(Reader& reader, bool is_request, int16_t version) {
    if (is_request) check<Request>(reader, version);
    else check<Response>(reader, version);
}

void dispatch(Reader& reader, ApiKey key, bool is_request, int16_t version) {
    switch (key) {
        case ApiKey::produce: return check_either<ProduceRequest, ProduceResponse>(reader, is_request, version);
        case ApiKey::fetch: return check_either<FetchRequest, FetchResponse>(reader, is_request, version);
        case ApiKey::list_offsets:
            return check_either<ListOffsetsRequest, ListOffsetsResponse>(reader, is_request, version);
        case ApiKey::metadata: return check_either<MetadataRequest, MetadataResponse>(reader, is_request, version);
        case ApiKey::api_versions:
            return check_either<ApiVersionsRequest, ApiVersionsResponse>(reader, is_request, version);
        case ApiKey::create_topics:
            return check_either<CreateTopicsRequest, CreateTopicsResponse>(reader, is_request, version);
        case ApiKey::create_partitions:
            return check_either<CreatePartitionsRequest, CreatePartitionsResponse>(reader, is_request, version);
        case ApiKey::delete_topics:
            return check_either<DeleteTopicsRequest, DeleteTopicsResponse>(reader, is_request, version);
        case ApiKey::delete_records:
            return check_either<DeleteRecordsRequest, DeleteRecordsResponse>(reader, is_request, version);
        case ApiKey::init_producer_id:
            return check_either<InitProducerIdRequest, InitProducerIdResponse>(reader, is_request, version);
        case ApiKey::describe_cluster:
            return check_either<DescribeClusterRequest, DescribeClusterResponse>(reader, is_request, version);
        case ApiKey::delete_groups:
            return check_either<DeleteGroupsRequest, DeleteGroupsResponse>(reader, is_request, version);
        case ApiKey::describe_groups:
            return check_either<DescribeGroupsRequest, DescribeGroupsResponse>(reader, is_request, version);
        case ApiKey::find_coordinator:
            return check_either<FindCoordinatorRequest, FindCoordinatorResponse>(reader, is_request, version);
        case ApiKey::heartbeat:
            return check_either<HeartbeatRequest, HeartbeatResponse>(reader, is_request, version);
        case ApiKey::join_group:
            return check_either<JoinGroupRequest, JoinGroupResponse>(reader, is_request, version);
        case ApiKey::leave_group:
            return check_either<LeaveGroupRequest, LeaveGroupResponse>(reader, is_request, version);
        case ApiKey::list_groups:
            return check_either<ListGroupsRequest, ListGroupsResponse>(reader, is_request, version);
        case ApiKey::offset_commit:
            return check_either<OffsetCommitRequest, OffsetCommitResponse>(reader, is_request, version);
        case ApiKey::offset_delete:
            return check_either<OffsetDeleteRequest, OffsetDeleteResponse>(reader, is_request, version);
        case ApiKey::offset_fetch:
            return check_either<OffsetFetchRequest, OffsetFetchResponse>(reader, is_request, version);
        case ApiKey::offset_for_leader_epoch:
            return check_either<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>(reader, is_request, version);
        case ApiKey::describe_topic_partitions:
            return check_either<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>(reader, is_request,
                                                                                                version);
        case ApiKey::elect_leaders:
            return check_either<ElectLeadersRequest, ElectLeadersResponse>(reader, is_request, version);
        case ApiKey::alter_partition_reassignments:
            return check_either<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>(
                reader, is_request, version);
        case ApiKey::list_partition_reassignments:
            return check_either<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>(
                reader, is_request, version);
        case ApiKey::describe_log_dirs:
            return check_either<DescribeLogDirsRequest, DescribeLogDirsResponse>(reader, is_request, version);
        case ApiKey::sync_group:
            return check_either<SyncGroupRequest, SyncGroupResponse>(reader, is_request, version);
        case ApiKey::describe_configs:
            return check_either<DescribeConfigsRequest, DescribeConfigsResponse>(reader, is_request, version);
        case ApiKey::alter_configs:
            return check_either<AlterConfigsRequest, AlterConfigsResponse>(reader, is_request, version);
        case ApiKey::incremental_alter_configs:
            return check_either<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(reader, is_request,
                                                                                                 version);
        case ApiKey::list_config_resources:
            return check_either<ListConfigResourcesRequest, ListConfigResourcesResponse>(reader, is_request, version);
    }
}

// Whether all went well, and whether the end was reached.
void run(std::span<const std::byte> frame, size_t piece, const Api* response_of, int16_t version, bool& ok) {
    std::vector<Fragment> chain = cut(frame, piece);
    Arena arena(arena_bytes);
    Reader reader(chain, arena);
    if (response_of != nullptr) {
        int32_t correlation_id = 0;
        if (decode_response_header(reader, *response_of, version, correlation_id)) {
            dispatch(reader, static_cast<ApiKey>(response_of->key), false, version);
        }
    } else {
        RequestHeader header;
        if (decode_request_header(reader, apis, header) == HeaderStatus::ok) {
            dispatch(reader, static_cast<ApiKey>(header.key), true, header.version);
        }
    }
    ok = reader.ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    if (input.size() < 4) return 0;
    auto piece = std::to_integer<size_t>(input[0]);
    const Api* response_of = nullptr;
    int16_t version = 0;
    if (input[1] != std::byte{0}) {
        response_of = find_api(std::to_integer<int16_t>(input[2]));
        if (response_of == nullptr) return 0;
        version = static_cast<int16_t>(std::to_integer<int>(input[3]) % (response_of->last + 2));
        input = input.subspan(4);
    } else {
        input = input.subspan(2);
    }
    bool whole = false, cut_up = false;
    run(input, 0, response_of, version, whole);
    run(input, piece, response_of, version, cut_up);
    // In pieces it takes more of the arena; else nothing may differ.
    PENSTOCK_ASSERT(whole == cut_up || input.size() > 1000);
    return 0;
}
