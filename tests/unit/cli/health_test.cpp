#include "cli/health.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

ClusterInfo cluster() {
    ClusterInfo info{.id = "c", .controller = 1, .brokers = {{.id = 1, .address = {"b", 9092}, .rack = ""}},
                     .topics = {}};
    TopicInfo topic{.name = "games", .id = {}, .internal = false, .error = ErrorCode::none, .partitions = {}};
    for (int32_t i = 0; i < 3; ++i) {
        topic.partitions.push_back({.index = i, .leader = 1, .leader_epoch = 0, .replicas = {1}, .in_sync = {1},
                                    .offline = {}});
    }
    info.topics.push_back(topic);
    return info;
}

Findings reachable(const ClusterInfo& info, bool up = true) {
    Findings findings;
    for (const BrokerInfo& b : info.brokers)
        findings.brokers.push_back({.info = b, .reachable = up, .problem = up ? "" : "gone"});
    return findings;
}

TEST(Health, HealthyHasNoProblems) {
    const auto health = judge(cluster(), reachable(cluster()));
    EXPECT_EQ(health.level, HealthLevel::healthy);
    EXPECT_EQ(health.partitions, 3u);
    EXPECT_TRUE(health.problems.empty());
}

TEST(Health, NoLeaderIsCritical) {
    auto info = cluster();
    info.topics[0].partitions[1].leader = -1;
    info.topics[0].partitions[2].in_sync.clear();
    const auto health = judge(info, reachable(info));
    EXPECT_EQ(health.level, HealthLevel::critical);
    EXPECT_EQ(health.without_leader, 1u);
    EXPECT_EQ(health.under_replicated, 1u);
    ASSERT_EQ(health.problems.size(), 2u);
    EXPECT_EQ(health.problems[0], "games/1 has no leader");
}

TEST(Health, DegradedCases) {
    auto info = cluster();
    info.topics[0].partitions[0].replicas = {1, 2};
    EXPECT_EQ(judge(info, reachable(info)).level, HealthLevel::degraded);
    info = cluster();
    info.topics[0].partitions[0].offline = {1};
    EXPECT_EQ(judge(info, reachable(info)).level, HealthLevel::degraded);
    info = cluster();
    info.controller = -1;
    EXPECT_EQ(judge(info, reachable(info)).level, HealthLevel::degraded);
    EXPECT_EQ(judge(cluster(), reachable(cluster(), false)).level, HealthLevel::degraded);
}

TEST(Health, FencedBrokersAndASilentCoordinatorAreDegraded) {
    const auto info = cluster();
    auto findings = reachable(info);
    findings.brokers[0].alive = false;
    auto health = judge(info, findings);
    EXPECT_EQ(health.level, HealthLevel::degraded);
    EXPECT_EQ(health.problems, std::vector<std::string>{"broker 1 is fenced: the coordinator does not hear of it"});
    findings = reachable(info);
    findings.coordinator_fault = "it sleeps";
    health = judge(info, findings);
    EXPECT_EQ(health.level, HealthLevel::degraded);
    EXPECT_EQ(health.problems, std::vector<std::string>{"the coordinator takes no changes: it sleeps"});
}

// The new replica is not in sync yet, and need not be; the old one must be all the same.
TEST(Health, AReassignmentUnderWayIsNoProblem) {
    auto info = cluster();
    info.topics[0].partitions[0].replicas = {2, 1};
    auto findings = reachable(info);
    findings.reassigning.push_back({.name = {"games", 0}, .replicas = {2, 1}, .adding = {2}, .removing = {1}});
    auto health = judge(info, findings);
    EXPECT_EQ(health.level, HealthLevel::healthy);
    EXPECT_EQ(health.reassigning, 1u);
    info.topics[0].partitions[0].in_sync.clear();
    EXPECT_EQ(judge(info, findings).under_replicated, 1u);
}

TEST(Health, NoBrokersIsCritical) {
    ClusterInfo info;
    EXPECT_EQ(judge(info, {}).level, HealthLevel::critical);
}

TEST(Health, LongListsAreCutShort) {
    auto info = cluster();
    for (int32_t i = 3; i < 500; ++i) info.topics[0].partitions.push_back({.index = i, .leader = -1});
    const auto health = judge(info, reachable(info));
    EXPECT_EQ(health.without_leader, 497u);
    EXPECT_EQ(health.problems.size(), problem_lines_max + 1);
    EXPECT_EQ(health.problems.back(), "and 477 more");
}

}  // namespace
}  // namespace penstock::cli
