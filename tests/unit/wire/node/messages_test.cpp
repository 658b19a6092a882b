// Every message between nodes: whole round trips, cut into single bytes, truncated everywhere.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/node/allocate_producer_ids.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/partitions.h"
#include "wire/node/register_broker.h"
#include "wire/node/replica_state.h"
#include "wire/node/replicate.h"
#include "wire/node/topics.h"
#include "wire/node/watch_cluster.h"

namespace penstock::wire::node {
namespace {

constexpr size_t arena_bytes = 1 << 20;

Uuid id(uint8_t first) {
    Uuid made;
    made.bytes.fill(first);
    return made;
}

template <class M>
std::vector<std::byte> bytes_of(const M& message) {
    Arena arena(arena_bytes);
    Writer writer(arena);
    EXPECT_TRUE(encode(writer, message, 0));
    std::vector<std::byte> out;
    for (const Fragment& f : writer.finish()) out.insert(out.end(), f.data, f.data + f.size);
    return out;
}

// What decodes must encode to the same bytes; every truncation is an error, whichever way the bytes are cut.
template <class M>
void check(const M& message) {
    const auto bytes = bytes_of(message);
    Arena arena(arena_bytes);
    std::vector<Fragment> single;
    for (const std::byte& b : bytes) single.push_back({&b, 1});
    for (size_t size = 0; size <= bytes.size(); ++size) {
        arena.reset();
        const std::span<const Fragment> part(single.data(), size);
        Reader reader(part, arena);
        M copy;
        const bool whole = decode(reader, copy, 0);
        EXPECT_EQ(whole, size == bytes.size()) << size;
        if (whole) {
            EXPECT_EQ(reader.remaining(), 0u);
            EXPECT_EQ(bytes_of(copy), bytes);
        }
    }
}

TEST(NodeMessages, Registration) {
    RegisterBrokerRequest request;
    request.node_id = 7;
    request.incarnation = id(1);
    request.storage_id = id(2);
    request.host = "broker.example";
    request.port = 9092;
    request.shard_count = 4;
    request.cluster_id = id(3);
    request.revision = 1234567890123;
    request.epoch_id = id(4);
    check(request);
    request.rack = "r1";
    request.clean = true;
    check(request);
    RegisterBrokerResponse response;
    response.error = 101;
    response.message = "who are you";
    response.session = -5;
    response.cluster_id = id(9);
    response.heartbeat_interval_ms = 50;
    check(response);
    response.message.reset();
    check(response);
}

TEST(NodeMessages, RegistrationBytes) {
    RegisterBrokerRequest request;
    request.node_id = 1;
    request.incarnation = id(0xaa);
    request.storage_id = id(0xbb);
    request.host = "h";
    request.port = 9092;
    request.shard_count = 2;
    request.revision = 3;
    std::vector<uint8_t> wanted{0, 0, 0, 1};
    wanted.insert(wanted.end(), 16, 0xaa);
    wanted.insert(wanted.end(), 16, 0xbb);
    for (int b : {2, int{'h'}, 0, 0, 0x23, 0x84, 0, 0, 0, 2}) wanted.push_back(static_cast<uint8_t>(b));
    wanted.insert(wanted.end(), 16, 0);
    for (int b : {0, 0, 0, 0, 0, 0, 0, 3}) wanted.push_back(static_cast<uint8_t>(b));
    wanted.insert(wanted.end(), 16, 0);
    wanted.push_back(0);  // no tags
    std::vector<uint8_t> got;
    for (std::byte b : bytes_of(request)) got.push_back(std::to_integer<uint8_t>(b));
    EXPECT_EQ(got, wanted);
}

TEST(NodeMessages, Heartbeat) {
    check(BrokerHeartbeatRequest{.session = 1, .sequence = 2, .applied_revision = 3});
    check(BrokerHeartbeatResponse{.error = 102, .sequence = INT64_MAX});
    check(BrokerHeartbeatRequest{.session = 1, .sequence = 2, .applied_revision = 3, .wants_to_stop = true});
    check(BrokerHeartbeatResponse{.error = 0, .sequence = 1, .may_stop = true});
}

TEST(NodeMessages, Replication) {
    check(ReplicaStateRequest{.topic = id(1), .partition = 2, .leader_epoch = 3, .session = 4});
    const std::vector<ReplicaEpoch> epochs{{1, 0}, {4, 1'000'000}};
    check(ReplicaStateResponse{.error = 0, .incarnation = id(9), .start = 1, .end = 2, .durable = INT64_MAX,
                               .epochs = epochs});
    check(ReplicaStateResponse{.error = 3});
    const std::vector<std::byte> bytes(3, std::byte{7});
    const Fragment records{bytes.data(), 3};
    const std::vector<ReplicatedPartition> partitions{
        {id(1), 2, 3, 4, Cut::none, 5, 6, 7, {&records, 1}}, {id(1), 8, 3, 5, Cut::at, 50, 6, 0, {}},
        {id(2), 0, 3, 5, Cut::anew, 50, 6, 50, {&records, 1}}};
    check(ReplicateRequest{.partitions = partitions});
    const std::vector<SettledPartition> settled{{0, 10, 9}, {74, -1, -1}};
    check(ReplicateResponse{.partitions = settled});
}

TEST(NodeMessages, Watch) {
    check(WatchClusterRequest{.session = 1, .revision = 2, .after_revision = 3, .after_topic = id(4), .wait_ms = 5});
    const std::vector<int32_t> replicas{1, 2, 3}, isr{2};
    const std::vector<WatchedPartition> partitions{{1, 5, replicas, isr}, {-1, 0, replicas, {}},
                                                   {2, 6, replicas, isr, 9, isr, replicas}};
    const std::vector<TopicConfig> configs{{"a", "b"}, {"c", ""}};
    const std::vector<WatchedTopic> topics{{id(1), "games", 8, partitions, configs}, {id(2), "empty", 9, {}, {}}};
    const std::vector<WatchedBroker> brokers{{1, "host", 9092, 2, true}, {2, "other", 1, 1, false},
                                              {3, "third", 1, 1, true, 9192, "r1", id(6)}};
    const std::vector<Uuid> deleted{id(7), id(8)};
    WatchClusterResponse response;
    response.revision = 10;
    response.full = response.more = true;
    response.after_revision = 8;
    response.after_topic = id(1);
    response.controller_id = 1;
    response.brokers = brokers;
    response.topics = topics;
    response.deleted = deleted;
    check(response);
    check(WatchClusterResponse{});
}

TEST(NodeMessages, Topics) {
    const std::vector<int32_t> first{1, 2}, second{2, 1};
    const std::vector<Array<int32_t>> assignment{first, second};
    const std::vector<TopicConfig> configs{{"retention.ms", "1"}};
    const std::vector<CreatableTopic> topics{{"a", -1, -1, assignment, configs}, {"b", 3, 1, {}, {}}};
    CreateTopicsRequest create;
    create.session = 9;
    create.topics = topics;
    create.validate_only = true;
    check(create);
    const std::vector<DeletableTopic> gone{{"a", {}}, {"", id(5)}};
    check(DeleteTopicsRequest{.session = 1, .topics = gone});
    const std::vector<AlteredTopic> altered{{"a", id(5), {}, configs}, {"b", id(6), configs, {}}};
    check(AlterTopicConfigsRequest{.session = 1, .topics = altered, .validate_only = false});
    const std::vector<ChangedTopic> changed{{"a", id(1), 36, "it exists", 3, 1, configs},
                                            {"b", id(2), 0, {}, 1, 1, {}}};
    CreateTopicsResponse response;
    response.revision = 4;
    response.topics = changed;
    check(response);
}

TEST(NodeMessages, Partitions) {
    const std::vector<int32_t> first{1, 2}, second{2, 1};
    const std::vector<Array<int32_t>> assignment{first, second};
    const std::vector<GrowingTopic> topics{{"a", 5, assignment}, {"b", 3, std::nullopt},
                                           {"c", 1, Array<Array<int32_t>>()}};
    check(CreatePartitionsRequest{.session = 9, .topics = topics, .validate_only = true});
}

TEST(NodeMessages, InSyncSets) {
    const std::vector<InSyncMember> isr{{1, id(1)}, {2, id(2)}};
    const std::vector<ProposedPartition> proposed{{id(5), 3, 4, 5, isr}, {id(6), 0, 0, 0, {}}};
    check(AlterPartitionsRequest{.session = 9, .partitions = proposed});
    const std::vector<int32_t> numbers{1, 2};
    const std::vector<AlteredPartition> altered{{id(5), 3, 0, {}, 1, 4, numbers, 6},
                                                {id(6), 0, 107, "who?", -1, -1, {}, -1}};
    check(AlterPartitionsResponse{.error = 0, .partitions = altered});
}

TEST(NodeMessages, ElectionsAndReassignments) {
    const std::vector<ElectedPartition> elected{{"a", 1}, {"b", -1}};
    check(ElectLeadersRequest{.session = 9, .type = ElectionType::unclean, .partitions = elected});
    check(ElectLeadersRequest{.session = 9, .type = ElectionType::preferred, .partitions = std::nullopt});
    const std::vector<int32_t> numbers{3, 1};
    const std::vector<ReassignedPartition> moved{{"a", 1, numbers}, {"b", 2, std::nullopt}, {"c", 3, Array<int32_t>()}};
    check(AlterReassignmentsRequest{.session = 9, .partitions = moved});
    const std::vector<ChangedPartition> changed{{"a", 1, 0, {}}, {"b", 2, 85, "no reassignment"}};
    check(ElectLeadersResponse{.error = 0, .revision = 4, .more = true, .partitions = changed});
    check(AlterReassignmentsResponse{.error = 42, .revision = 4, .more = false, .partitions = {}});
}

TEST(NodeMessages, EveryRowHasItsKey) {
    for (const Api& api : node_apis) {
        EXPECT_EQ(&api_of(NodeKey{api.key}), &api);
        EXPECT_TRUE(api.serves(0));
        EXPECT_FALSE(api.serves(1));
    }
}

TEST(NodeMessages, ProducerIds) {
    AllocateProducerIdsRequest request;
    request.session = 12;
    check(request);
    AllocateProducerIdsResponse response;
    response.error = 3;
    response.first = 1'000'000;
    response.count = 1000;
    check(response);
}

}  // namespace
}  // namespace penstock::wire::node
