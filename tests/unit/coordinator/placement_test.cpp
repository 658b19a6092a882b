#include "coordinator/placement.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

State in_racks(const std::vector<std::string>& racks) {
    State state = cluster(0);
    for (size_t i = 0; i < racks.size(); ++i) {
        Broker made = broker(static_cast<int32_t>(i) + 1);
        made.rack = racks[i];
        state.set_broker(made);
    }
    state.take_transaction();
    return state;
}

void create(State& state, uint64_t number, uint32_t partitions, uint32_t factor) {
    Topic made = topic(number, "t" + std::to_string(number), {});
    for (const auto& replicas : Placement(state).place(partitions, factor))
        made.partitions.push_back(
            {.leader = replicas[0], .replicas = replicas, .isr = {replicas[0]}});
    state.add_topic(made);
}

/// How far apart the least and the most are.
template <class Count>
uint64_t spread(const State& state, Count count) {
    uint64_t least = UINT64_MAX, most = 0;
    for (NodeId id : state.alive_brokers()) {
        least = std::min(least, count(state.load_of(id)));
        most = std::max(most, count(state.load_of(id)));
    }
    return most - least;
}

TEST(Placement, ReplicasAreDistinctAndLeadersEven) {
    for (int32_t count = 1; count <= 6; ++count) {
        for (uint32_t factor = 1; factor <= static_cast<uint32_t>(count); ++factor) {
            State state = cluster(count);
            std::map<NodeId, int> led, held;
            for (const auto& replicas : Placement(state).place(static_cast<uint32_t>(count) * 4, factor)) {
                EXPECT_EQ(replicas.size(), factor);
                EXPECT_EQ(std::set(replicas.begin(), replicas.end()).size(), factor);
                ++led[replicas[0]];
                for (NodeId id : replicas) ++held[id];
            }
            EXPECT_EQ(led.size(), static_cast<size_t>(count));
            for (const auto& [id, number] : led) EXPECT_EQ(number, 4) << count << "/" << factor;
            for (const auto& [id, number] : held)
                EXPECT_NEAR(number, 4 * static_cast<int>(factor), 2) << count << "/" << factor;
        }
    }
}

TEST(Placement, TheFollowersOfOneLeaderVary) {
    State state = cluster(4);
    std::map<NodeId, std::set<NodeId>> followers;
    for (const auto& replicas : Placement(state).place(12, 2)) followers[replicas[0]].insert(replicas[1]);
    for (const auto& [leader, others] : followers) EXPECT_EQ(others.size(), 3u) << leader.value;
}

TEST(Placement, TopicsOfOnePartitionSpreadToo) {
    State state = cluster(3);
    for (uint64_t i = 0; i < 30; ++i) {
        create(state, 100 + i, 1, 2);
        EXPECT_LE(spread(state, [](const Load& load) { return load.preferred; }), 1u) << i;
        EXPECT_LE(spread(state, [](const Load& load) { return load.replicas; }), 1u) << i;
    }
}

TEST(Placement, ANewcomerGetsMoreButNoTopicAlone) {
    State state = cluster(3);
    create(state, 100, 30, 2);
    state.set_broker(broker(4));
    create(state, 101, 8, 2);
    std::map<NodeId, int> led;
    for (const Partition& p : state.topic("t101")->partitions) ++led[p.replicas[0]];
    for (const auto& [id, number] : led) EXPECT_EQ(number, 2) << id.value;
    for (uint64_t i = 0; i < 5; ++i) {
        create(state, 200 + i, 1, 1);
        EXPECT_EQ(state.topic("t" + std::to_string(200 + i))->partitions[0].leader, NodeId{4});
    }
}

TEST(Placement, ReplicasAreInDifferentRacksAsFarAsThereAreAny) {
    struct Case {
        std::vector<std::string> racks;
        uint32_t factor;
        size_t different;
    };
    const std::vector<Case> table{
        {{"a", "a", "b", "b", "c", "c"}, 3, 3}, {{"a", "a", "b", "b"}, 3, 2}, {{"a", "a", "a", "b"}, 2, 2},
        {{"a", "a", "a"}, 2, 1},                {{"a", "a", "b", "c"}, 3, 3},
    };
    for (const Case& c : table) {
        State state = in_racks(c.racks);
        for (const auto& replicas : Placement(state).place(24, c.factor)) {
            std::set<std::string> racks;
            for (NodeId id : replicas) racks.insert(state.broker(id)->rack);
            EXPECT_EQ(racks.size(), c.different);
        }
    }
    // Who says nothing is in no rack, and nobody's neighbour.
    State state = in_racks({"a", "", ""});
    std::map<NodeId, int> held;
    for (const auto& replicas : Placement(state).place(12, 2))
        for (NodeId id : replicas) ++held[id];
    for (const auto& [id, number] : held) EXPECT_EQ(number, 8) << id.value;
}

TEST(Placement, NobodyWhoIsAwayOrAboutToStopGetsAny) {
    State state = cluster(4);
    state.set_broker(broker(2, true));
    state.set_broker(stopping_broker(3));
    Placement placement(state);
    EXPECT_EQ(placement.brokers(), 2u);
    for (const auto& replicas : placement.place(4, 2))
        EXPECT_EQ(std::set(replicas.begin(), replicas.end()), (std::set{NodeId{1}, NodeId{4}}));
}

TEST(Placement, ExtendsWhatThereIs) {
    State state = in_racks({"a", "a", "b"});
    Placement placement(state);
    EXPECT_EQ(placement.extend(ids({1}), 2), ids({1, 3})) << "the other rack";
    EXPECT_EQ(placement.extend(ids({9}), 2).size(), 2u) << "whoever leads it";
    EXPECT_EQ(placement.extend(ids({2, 1}), 3), ids({2, 1, 3}));
}

}  // namespace
}  // namespace penstock::coordinator
