// A scripted cluster behind one address: brokers 1 to 3 in racks "a", "b", "b" and a topic "games", whose replicas move
// and whose leaders change as they are told to. For the tests of what the CLI asks of brokers and partitions.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "scripted_broker.h"
#include "wire/kafka/alter_partition_reassignments.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/describe_cluster.h"
#include "wire/kafka/elect_leaders.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/list_partition_reassignments.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {

struct ClusterBroker {
    struct Partition {
        std::vector<int32_t> replicas, in_sync;
        int32_t leader = -1;
        std::vector<int32_t> target{};     ///< of the reassignment under way; empty: there is none
    };

    std::atomic<ErrorCode> coordinator_says = ErrorCode::none;   ///< to a topic that is only validated
    std::atomic<int> lists_until_moved = 2;   ///< a reassignment is done when it was listed so often
    std::atomic<int> elections = 0, reassignments = 0;
    std::mutex mutex;
    std::vector<Partition> partitions{{{1, 2}, {1, 2}, 1}, {{2, 3}, {2, 3}, 2}, {{1, 3}, {1}, 1}};  ///< under the mutex
    std::set<int32_t> fenced;                 ///< under the mutex
    ScriptedBroker broker{{[this](Peer& peer) { serve(peer); }}};

    Globals globals() const { return {.bootstrap = {broker.address()}, .timeout = std::chrono::seconds(5)}; }
    Partition partition(size_t index) {
        const std::lock_guard lock(mutex);
        return partitions[index];
    }

    /// Whatever else is to be different.
    template <class F>
    void change(F f) {
        const std::lock_guard lock(mutex);
        f(*this);
    }

    void serve(Peer& peer) {
        while (const auto asked = peer.receive()) {
            const std::lock_guard lock(mutex);
            Arena arena(1 << 20);
            switch (static_cast<ApiKey>(asked->key)) {
                case ApiKey::api_versions: answer_versions(peer, *asked); break;
                case ApiKey::metadata: metadata(peer, *asked); break;
                case ApiKey::describe_cluster: describe(peer, *asked); break;
                case ApiKey::create_topics: validate(peer, *asked, arena); break;
                case ApiKey::elect_leaders: elect(peer, *asked, arena); break;
                case ApiKey::alter_partition_reassignments: reassign(peer, *asked, arena); break;
                case ApiKey::list_partition_reassignments: list(peer, *asked); break;
                case ApiKey::list_offsets: offsets(peer, *asked, arena); break;
                default: return;
            }
        }
    }

private:
    static constexpr int32_t brokers[] = {1, 2, 3};
    static std::string_view rack_of(int32_t id) { return id == 1 ? "a" : "b"; }

    bool alive(int32_t id) const { return id >= 1 && id <= 3 && !fenced.contains(id); }

    void metadata(Peer& peer, const ReceivedRequest& asked) {
        const std::string host = broker.address().host;
        std::vector<wire::kafka::MetadataResponse::Broker> all;
        for (const int32_t id : brokers)
            if (alive(id))
                all.push_back({.node_id = id, .host = host, .port = broker.address().port, .rack = rack_of(id)});
        std::vector<wire::kafka::MetadataResponse::Partition> list(partitions.size());
        for (size_t i = 0; i < list.size(); ++i) {
            list[i].partition_index = static_cast<int32_t>(i);
            list[i].leader_id = partitions[i].leader;
            list[i].replica_nodes = partitions[i].replicas;
            list[i].isr_nodes = partitions[i].in_sync;
        }
        wire::kafka::MetadataResponse::Topic topic;
        topic.name = "games";
        topic.partitions = list;
        wire::kafka::MetadataResponse response;
        response.brokers = all;
        response.controller_id = all.empty() ? -1 : all.front().node_id;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }

    void describe(Peer& peer, const ReceivedRequest& asked) {
        const std::string host = broker.address().host;
        std::vector<wire::kafka::DescribeClusterResponse::Broker> all;
        for (const int32_t id : brokers) all.push_back({id, host, broker.address().port, rack_of(id), !alive(id)});
        wire::kafka::DescribeClusterResponse response;
        response.brokers = all;
        peer.answer(asked, response);
    }

    void validate(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::CreateTopicsRequest>(asked, arena);
        EXPECT_TRUE(request.validate_only);
        wire::kafka::CreateTopicsResponse::Topic topic;
        topic.name = request.topics[0].name;
        topic.error_code = coordinator_says;
        wire::kafka::CreateTopicsResponse response;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }

    ErrorCode elect_one(int32_t index, bool unclean) {
        if (index < 0 || static_cast<size_t>(index) >= partitions.size()) return ErrorCode::unknown_topic_or_partition;
        Partition& p = partitions[static_cast<size_t>(index)];
        const int32_t preferred = p.replicas.front();
        if (unclean ? p.leader >= 0 : p.leader == preferred) return ErrorCode::election_not_needed;
        const bool in_sync = std::ranges::find(p.in_sync, preferred) != p.in_sync.end();
        if (!unclean && !in_sync) return ErrorCode::preferred_leader_not_available;
        p.leader = preferred;
        if (unclean) p.in_sync = {preferred};
        return ErrorCode::none;
    }

    void elect(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        ++elections;
        const auto request = peer.decode<wire::kafka::ElectLeadersRequest>(asked, arena);
        const auto& topic = (*request.topic_partitions)[0];
        std::vector<wire::kafka::ElectLeadersResponse::Partition> results;
        for (const int32_t index : topic.partitions)
            results.push_back({index, elect_one(index, request.election_type == 1), {}});
        const wire::kafka::ElectLeadersResponse::Topic out{topic.topic, results};
        wire::kafka::ElectLeadersResponse response;
        response.replica_election_results = {&out, 1};
        peer.answer(asked, response);
    }

    ErrorCode reassign_one(const wire::kafka::AlterPartitionReassignmentsRequest::Partition& wanted) {
        Partition& p = partitions[static_cast<size_t>(wanted.partition_index)];
        if (!wanted.replicas && p.target.empty()) return ErrorCode::no_reassignment_in_progress;
        if (!wanted.replicas) {
            p.target.clear();
            return ErrorCode::none;
        }
        for (const int32_t id : *wanted.replicas)
            if (!alive(id)) return ErrorCode::invalid_replica_assignment;
        std::vector<int32_t> target(wanted.replicas->begin(), wanted.replicas->end());
        if (std::ranges::is_permutation(target, p.replicas)) p.replicas = target;
        else p.target = target;
        return ErrorCode::none;
    }

    void reassign(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        ++reassignments;
        const auto request = peer.decode<wire::kafka::AlterPartitionReassignmentsRequest>(asked, arena);
        std::vector<wire::kafka::AlterPartitionReassignmentsResponse::Partition> results;
        for (const auto& wanted : request.topics[0].partitions)
            results.push_back({wanted.partition_index, reassign_one(wanted), {}});
        const wire::kafka::AlterPartitionReassignmentsResponse::Topic out{request.topics[0].name, results};
        wire::kafka::AlterPartitionReassignmentsResponse response;
        response.responses = {&out, 1};
        peer.answer(asked, response);
    }

    void list(Peer& peer, const ReceivedRequest& asked) {
        if (--lists_until_moved <= 0) {
            for (Partition& p : partitions) {
                if (p.target.empty()) continue;
                p.replicas = p.in_sync = std::exchange(p.target, {});
                p.leader = p.replicas.front();
            }
        }
        std::vector<wire::kafka::ListPartitionReassignmentsResponse::Partition> moving;
        for (size_t i = 0; i < partitions.size(); ++i) {
            if (partitions[i].target.empty()) continue;
            moving.push_back({static_cast<int32_t>(i), partitions[i].replicas, partitions[i].target,
                              partitions[i].replicas});
        }
        const wire::kafka::ListPartitionReassignmentsResponse::Topic out{"games", moving};
        wire::kafka::ListPartitionReassignmentsResponse response;
        if (!moving.empty()) response.topics = {&out, 1};
        peer.answer(asked, response);
    }

    void offsets(Peer& peer, const ReceivedRequest& asked, Arena& arena) {
        const auto request = peer.decode<wire::kafka::ListOffsetsRequest>(asked, arena);
        std::vector<wire::kafka::ListOffsetsResponse::Partition> found;
        for (const auto& wanted : request.topics[0].partitions) {
            auto& partition = found.emplace_back();
            partition.partition_index = wanted.partition_index;
            partition.offset = wanted.timestamp == wire::kafka::earliest_timestamp ? 10 : 100;
        }
        wire::kafka::ListOffsetsResponse::Topic topic;
        topic.name = "games";
        topic.partitions = found;
        wire::kafka::ListOffsetsResponse response;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }
};

}  // namespace penstock::cli
