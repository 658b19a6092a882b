#include "coordinator/placement.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

TEST(Placement, LeadersGoRound) {
    const auto brokers = ids({1, 2, 3});
    const auto placed = place(brokers, 4, 1, 1);
    EXPECT_EQ(placed, (std::vector<std::vector<NodeId>>{ids({2}), ids({3}), ids({1}), ids({2})}));
}

TEST(Placement, ReplicasAreDistinctAndLeadersEven) {
    for (int32_t count = 1; count <= 6; ++count) {
        std::vector<NodeId> brokers;
        for (int32_t i = 0; i < count; ++i) brokers.push_back(NodeId{10 * i});
        for (uint32_t factor = 1; factor <= brokers.size(); ++factor) {
            for (uint64_t start : {uint64_t{0}, uint64_t{5}, UINT64_MAX}) {
                const auto partitions = static_cast<uint32_t>(count) * 4;
                std::map<NodeId, int> led;
                for (const auto& replicas : place(brokers, partitions, factor, start)) {
                    EXPECT_EQ(replicas.size(), factor);
                    EXPECT_EQ(std::set(replicas.begin(), replicas.end()).size(), factor);
                    ++led[replicas[0]];
                }
                for (const auto& [id, number] : led) EXPECT_EQ(number, 4);
                EXPECT_EQ(led.size(), brokers.size());
            }
        }
    }
}

TEST(Placement, TheFollowersOfOneLeaderVary) {
    const auto brokers = ids({1, 2, 3, 4});
    std::set<NodeId> second_of_one;
    for (const auto& replicas : place(brokers, 12, 2, 0))
        if (replicas[0] == NodeId{1}) second_of_one.insert(replicas[1]);
    EXPECT_EQ(second_of_one, (std::set<NodeId>{NodeId{2}, NodeId{3}, NodeId{4}}));
}

}  // namespace
}  // namespace penstock::coordinator
