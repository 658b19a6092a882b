#include "coordinator/partitions.h"

#include <gtest/gtest.h>

#include <map>

#include "cluster.h"
#include "limits.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using wire::node::GrowingTopic;

std::vector<TopicOutcome> grow(State& state, std::vector<GrowingTopic> topics, bool validate_only = false) {
    wire::node::CreatePartitionsRequest request;
    request.topics = topics;
    request.validate_only = validate_only;
    return create_partitions(state, request);
}

GrowingTopic to(std::string_view name, int32_t count) { return {.name = name, .count = count, .assignment = {}}; }

TEST(Partitions, AreAddedBehindTheOldOnesAndStored) {
    State state = cluster(3);
    state.add_topic(topic(7, "games", {partition(2, {2, 3}, {2, 3}, 5), partition(3, {3, 1}, {3, 1}, 6)}));
    state.take_transaction();
    const uint64_t before = state.revision();
    const auto outcomes = grow(state, {to("games", 5)});
    ASSERT_EQ(outcomes[0].error, ErrorCode::none) << outcomes[0].message;
    EXPECT_EQ(outcomes[0].partitions, 5);
    EXPECT_EQ(outcomes[0].replication_factor, 2);
    EXPECT_EQ(outcomes[0].id, numbered(7));
    const Topic* grown = state.topic("games");
    ASSERT_EQ(grown->partitions.size(), 5u);
    EXPECT_EQ(grown->partitions[0], partition(2, {2, 3}, {2, 3}, 5));
    EXPECT_EQ(grown->partitions[1], partition(3, {3, 1}, {3, 1}, 6));
    std::map<NodeId, int> led, held;
    for (const Partition& p : grown->partitions) {
        ++led[p.replicas[0]];
        for (NodeId id : p.replicas) ++held[id];
    }
    for (const auto& [id, number] : led) EXPECT_TRUE(number == 1 || number == 2) << id.value;
    for (const auto& [id, number] : held) EXPECT_TRUE(number == 3 || number == 4) << id.value;
    for (size_t i = 2; i < 5; ++i) {
        const Partition& added = grown->partitions[i];
        EXPECT_EQ(added.leader, added.replicas[0]);
        EXPECT_EQ(added.replicas.size(), 2u);
        EXPECT_NE(added.replicas[0], added.replicas[1]);
        EXPECT_EQ(added.isr, std::vector<NodeId>{added.leader});
        EXPECT_EQ(added.leader_epoch, LeaderEpoch{0});
    }
    EXPECT_EQ(state.partition_count(), 5u);
    EXPECT_EQ(grown->revision, before + 1);
}

TEST(Partitions, AreThereAfterARestart) {
    std::map<std::string, std::string> rows;
    const auto store = [&](State& state) {
        for (auto& row : state.take_transaction().puts) rows[row.key] = row.value;
    };
    State state = State::load({}).value();
    state.set_cluster_id(numbered(1));
    state.begin_epoch(numbered(2));
    state.set_broker(broker(1));
    state.add_topic(topic(7, "games", {partition(1, {1}, {1})}));
    store(state);
    ASSERT_EQ(grow(state, {to("games", 3)})[0].error, ErrorCode::none);
    EXPECT_EQ(state.dirty_rows(), 3u);  // the topic's, which says how many there are, and two partitions
    store(state);
    io::StoreContents contents{.revision = state.revision(), .rows = {}};
    for (const auto& [key, value] : rows) contents.rows.push_back({key, value});
    const auto loaded = State::load(contents);
    ASSERT_TRUE(loaded.has_value()) << loaded.error();
    EXPECT_EQ(loaded->topic("games")->partitions, state.topic("games")->partitions);
    EXPECT_EQ(loaded->partition_count(), 3u);
}

TEST(Partitions, GoWhereTheRequestSays) {
    State state = cluster(3);
    state.add_topic(topic(7, "games", {partition(2, {2, 3}, {2})}));
    const std::vector<int32_t> first{3, 1}, second{1, 2};
    const std::vector<wire::Array<int32_t>> assignment{first, second};
    GrowingTopic wanted = to("games", 3);
    wanted.assignment = assignment;
    ASSERT_EQ(grow(state, {wanted})[0].error, ErrorCode::none);
    EXPECT_EQ(state.topic("games")->partitions[1], partition(3, {3, 1}, {3}));
    EXPECT_EQ(state.topic("games")->partitions[2], partition(1, {1, 2}, {1}));
}

TEST(Partitions, AreOnlyJudgedWhenAskedTo) {
    State state = cluster(1);
    state.add_topic(topic(7, "games", {partition(1, {1}, {1})}));
    state.take_transaction();
    const auto outcomes = grow(state, {to("games", 4), to("none", 4), to("games", 4)}, true);
    EXPECT_EQ(outcomes[0].error, ErrorCode::invalid_request);
    EXPECT_EQ(grow(state, {to("games", 4)}, true)[0].error, ErrorCode::none);
    EXPECT_EQ(grow(state, {to("games", 1)}, true)[0].error, ErrorCode::invalid_partitions);
    EXPECT_EQ(state.topic("games")->partitions.size(), 1u);
    EXPECT_EQ(state.dirty_rows(), 0u);
}

TEST(Partitions, AreRefusedTopicByTopic) {
    State state = cluster(2);
    state.add_topic(topic(7, "games", {partition(1, {1}, {1}), partition(1, {1}, {1})}));
    state.add_topic(topic(8, "wide", {partition(1, {1, 2}, {1})}));
    state.take_transaction();
    const auto outcomes = grow(state, {to("games", 2), to("none", 3), to("wide", 2)});
    EXPECT_EQ(outcomes[0].error, ErrorCode::invalid_partitions);
    EXPECT_EQ(outcomes[0].message, "Topic already has 2 partition(s).");
    EXPECT_EQ(outcomes[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(outcomes[2].error, ErrorCode::none);
    EXPECT_EQ(state.topic("wide")->partitions.size(), 2u);
    for (const int32_t count : {1, 0, -1, INT32_MIN}) {
        const auto less = grow(state, {to("games", count)});
        EXPECT_EQ(less[0].error, ErrorCode::invalid_partitions);
        EXPECT_EQ(less[0].message, "The topic games currently has 2 partition(s); " + std::to_string(count) +
                                       " would not be an increase.");
    }
    const auto most = static_cast<int32_t>(limits::partitions_per_topic_max);
    EXPECT_EQ(grow(state, {to("games", most + 1)})[0].error, ErrorCode::invalid_partitions);
    EXPECT_EQ(grow(state, {to("games", INT32_MAX)})[0].error, ErrorCode::invalid_partitions);
    EXPECT_EQ(grow(state, {to("games", most)}, true)[0].error, ErrorCode::none);
    state.set_broker(broker(2, true));
    EXPECT_EQ(grow(state, {to("wide", 5)})[0].error, ErrorCode::invalid_replication_factor);
}

TEST(Partitions, NeedAnAssignmentThatFits) {
    State state = cluster(3);
    state.set_broker(broker(3, true));
    state.add_topic(topic(7, "wide", {partition(1, {1, 2}, {1})}));
    const auto error_of = [&](const std::vector<std::vector<int32_t>>& replicas) {
        const std::vector<wire::Array<int32_t>> assignment(replicas.begin(), replicas.end());
        GrowingTopic wanted = to("wide", 2);
        wanted.assignment = assignment;
        return grow(state, {wanted})[0].error;
    };
    const ErrorCode bad = ErrorCode::invalid_replica_assignment;
    EXPECT_EQ(error_of({}), bad);
    EXPECT_EQ(error_of({{1, 2}, {2, 1}}), bad);
    EXPECT_EQ(error_of({{}}), bad);
    EXPECT_EQ(error_of({{1}}), bad);
    EXPECT_EQ(error_of({{1, 1}}), bad);
    EXPECT_EQ(error_of({{1, 3}}), bad) << "fenced";
    EXPECT_EQ(error_of({{1, 9}}), bad) << "unknown";
    EXPECT_EQ(error_of({{2, 1}}), ErrorCode::none);
}

}  // namespace
}  // namespace penstock::coordinator
