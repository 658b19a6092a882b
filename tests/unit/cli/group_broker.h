// A scripted broker with one topic, "games" (partitions 0 and 1, which hold 10 to 100), and one group, "scores": for
// the tests of what the CLI asks of groups.
#pragma once

#include <array>
#include <mutex>
#include <optional>

#include "client/consumer_protocol.h"
#include "scripted_broker.h"
#include "wire/kafka/delete_groups.h"
#include "wire/kafka/describe_groups.h"
#include "wire/kafka/find_coordinator.h"
#include "wire/kafka/list_groups.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/metadata.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_fetch.h"

namespace penstock::cli {

struct GroupBroker {
    std::atomic<bool> has_member = false;
    std::atomic<ErrorCode> delete_error = ErrorCode::none;
    std::atomic<ErrorCode> commit_error = ErrorCode::none;
    std::atomic<int> moves_left = 0;      ///< so many requests of the group are answered "not coordinator"
    std::atomic<int> finds = 0;
    std::mutex mutex;
    std::map<int32_t, int64_t> committed{{0, 40}};   ///< of "games"; under the mutex
    ScriptedBroker broker{{[this](Peer& peer) { serve(peer); }}};

    Globals globals() const { return {.bootstrap = {broker.address()}, .timeout = std::chrono::seconds(5)}; }

    void serve(Peer& peer) {
        while (const auto asked = peer.receive()) {
            Arena arena(1 << 20);
            switch (static_cast<ApiKey>(asked->key)) {
                case ApiKey::api_versions: answer_versions(peer, *asked); break;
                case ApiKey::metadata: metadata(peer, *asked); break;
                case ApiKey::find_coordinator: find(peer, *asked); break;
                case ApiKey::list_groups: list(peer, *asked); break;
                case ApiKey::describe_groups: describe(peer, *asked, arena); break;
                case ApiKey::delete_groups: remove(peer, *asked, arena); break;
                case ApiKey::list_offsets: offsets(peer, *asked, arena); break;
                case ApiKey::offset_fetch: fetch(peer, *asked, arena); break;
                case ApiKey::offset_commit: commit(peer, *asked, arena); break;
                default: return;
            }
        }
    }

private:
    void metadata(Peer& peer, const ReceivedRequest& asked) {
        const int32_t node = 1;
        const std::string host = broker.address().host;
        const wire::kafka::MetadataResponse::Broker self{.node_id = 1, .host = host, .port = broker.address().port};
        std::array<wire::kafka::MetadataResponse::Partition, 2> partitions;
        for (int32_t i = 0; i < 2; ++i) {
            auto& partition = partitions[static_cast<size_t>(i)];
            partition.partition_index = i;
            partition.leader_id = 1;
            partition.replica_nodes = partition.isr_nodes = {&node, 1};
        }
        wire::kafka::MetadataResponse::Topic topic;
        topic.name = "games";
        topic.partitions = partitions;
        wire::kafka::MetadataResponse response;
        response.brokers = {&self, 1};
        response.controller_id = 1;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }
    void find(Peer& peer, const ReceivedRequest& asked) {
        ++finds;
        const std::string host = broker.address().host;
        wire::kafka::FindCoordinatorResponse::Coordinator self;
        self.node_id = 1;
        self.host = host;
        self.port = broker.address().port;
        wire::kafka::FindCoordinatorResponse response;
        response.coordinators = {&self, 1};
        peer.answer(asked, response);
    }
    void list(Peer& peer, const ReceivedRequest& asked) {
        std::array<wire::kafka::ListGroupsResponse::Group, 2> groups;
        groups[0] = {"scores", "consumer", "Stable", "classic"};
        groups[1] = {"audit", "consumer", "Empty", "classic"};
        wire::kafka::ListGroupsResponse response;
        response.groups = groups;
        peer.answer(asked, response);
    }
    void describe(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::DescribeGroupsRequest>(asked, arena);
        const auto assignment = client::encode_assignment({{"games", {1}}});
        wire::kafka::DescribeGroupsResponse::Member member;
        member.member_id = "m-1";
        member.client_id = "app";
        member.client_host = "/10.0.0.1";
        member.member_assignment = assignment;
        wire::kafka::DescribeGroupsResponse::Group group;
        group.group_id = request.groups.front();
        if (moves_left-- > 0) {
            group.error_code = ErrorCode::not_coordinator;
        } else if (group.group_id != "scores") {
            group.group_state = "Dead";
            group.error_code = ErrorCode::group_id_not_found;
        } else if (has_member) {
            group.group_state = "Stable";
            group.protocol_type = "consumer";
            group.protocol_data = "range";
            group.members = {&member, 1};
        } else {
            group.group_state = "Empty";
        }
        wire::kafka::DescribeGroupsResponse response;
        response.groups = {&group, 1};
        peer.answer(asked, response);
    }
    void remove(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::DeleteGroupsRequest>(asked, arena);
        const wire::kafka::DeleteGroupsResponse::Result result{request.group_names.front(), delete_error};
        wire::kafka::DeleteGroupsResponse response;
        response.results = {&result, 1};
        peer.answer(asked, response);
    }
    void offsets(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::ListOffsetsRequest>(asked, arena);
        std::vector<wire::kafka::ListOffsetsResponse::Partition> partitions;
        for (const auto& partition : request.topics.front().partitions) {
            auto& out = partitions.emplace_back();
            out.partition_index = partition.partition_index;
            out.offset = partition.timestamp == wire::kafka::latest_timestamp     ? 100
                         : partition.timestamp == wire::kafka::earliest_timestamp ? 10
                                                                                  : 55;
        }
        const wire::kafka::ListOffsetsResponse::Topic topic{"games", partitions};
        wire::kafka::ListOffsetsResponse response;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }
    void fetch(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::OffsetFetchRequest>(asked, arena);
        std::vector<wire::kafka::OffsetFetchResponse::Partition> partitions;
        const std::lock_guard guard(mutex);
        if (request.groups.front().group_id == "scores")
            for (const auto& [partition, offset] : committed) partitions.push_back({partition, offset});
        const wire::kafka::OffsetFetchResponse::Topic topic{"games", {}, partitions};
        wire::kafka::OffsetFetchResponse::Group group;
        group.group_id = request.groups.front().group_id;
        group.topics = {&topic, 1};
        wire::kafka::OffsetFetchResponse response;
        response.groups = {&group, 1};
        peer.answer(asked, response);
    }
    void commit(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::OffsetCommitRequest>(asked, arena);
        std::vector<wire::kafka::OffsetCommitResponse::Partition> partitions;
        const std::lock_guard guard(mutex);
        for (const auto& partition : request.topics.front().partitions) {
            partitions.push_back({partition.partition_index, commit_error});
            if (commit_error.load() == ErrorCode::none && request.generation_id == -1 && request.member_id.empty())
                committed[partition.partition_index] = partition.committed_offset;
        }
        const wire::kafka::OffsetCommitResponse::Topic topic{"games", {}, partitions};
        wire::kafka::OffsetCommitResponse response;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }
};

}  // namespace penstock::cli
