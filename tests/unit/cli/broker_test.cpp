#include <gtest/gtest.h>

#include "cli/broker_info.h"
#include "cli/command.h"
#include "cluster_broker.h"
#include "command_run.h"
#include "contains.h"

namespace penstock::cli {
namespace {

bool holds(const std::vector<int32_t>& ids, int32_t id) { return std::ranges::find(ids, id) != ids.end(); }

TEST(Broker, ListTellsRackStateAndLoad) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.fenced = {3}; });
    const auto shown = run_command({"broker", "list"}, fake.broker.address());
    EXPECT_EQ(shown.code, 0) << shown.failure;
    const std::string address = fake.broker.address().text();
    std::vector<std::string> lines;
    std::istringstream text(shown.text);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    ASSERT_EQ(lines.size(), 4u) << shown.text;
    EXPECT_TRUE(contains(lines[1], "a     " + address + "  alive"));
    EXPECT_TRUE(lines[1].ends_with("2         2")) << lines[1];
    EXPECT_TRUE(contains(lines[3], "fenced")) << lines[3];
    EXPECT_TRUE(lines[3].ends_with("0         2")) << lines[3];
    EXPECT_TRUE(contains(run_command({"broker", "list", "--json"}, fake.broker.address()).text, "\"alive\": false"));
}

TEST(Broker, ThoseThatOnlyPartitionsNameAreListedToo) {
    ClusterInfo cluster{.id = "c", .controller = 1, .brokers = {{.id = 1, .address = {"b", 9092}, .rack = ""}},
                        .topics = {}};
    cluster.topics.push_back({.name = "t", .id = {}, .internal = false, .error = ErrorCode::none, .partitions = {}});
    cluster.topics[0].partitions.push_back({.index = 0, .leader = 1, .leader_epoch = 0, .replicas = {7, 1},
                                            .in_sync = {1}, .offline = {7}});
    const auto loads = count_loads(cluster, {});
    ASSERT_EQ(loads.size(), 2u);
    EXPECT_TRUE(loads[0].alive);
    EXPECT_EQ(loads[0].leaders, 1u);
    EXPECT_EQ(loads[1].info.id, 7);
    EXPECT_FALSE(loads[1].alive);
    EXPECT_EQ(loads[1].replicas, 1u);
}

TEST(Broker, DrainMovesLeadershipAndKeepsReplicas) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.partitions[2].in_sync = {1, 3}; });
    const auto done = run_command({"broker", "drain", "1"}, fake.broker.address());
    EXPECT_EQ(done.code, 0) << done.failure << done.text;
    EXPECT_TRUE(contains(done.text, "Broker 1 leads nothing now.")) << done.text;
    EXPECT_EQ(fake.partition(0).leader, 2);
    EXPECT_EQ(fake.partition(2).leader, 3);
    EXPECT_TRUE(holds(fake.partition(0).replicas, 1));
}

TEST(Broker, DrainSaysWhatNobodyElseCouldLead) {
    ClusterBroker fake;
    const auto done = run_command({"broker", "drain", "1"}, fake.broker.address());
    EXPECT_EQ(done.code, 1);
    EXPECT_TRUE(contains(done.text, "games:2: no other replica is alive and in sync")) << done.text;
    EXPECT_TRUE(contains(done.text, "Broker 1 still leads 1 partitions.")) << done.text;
    EXPECT_EQ(fake.partition(0).leader, 2) << "the others were moved";
}

TEST(Broker, DecommissionMovesEverythingAway) {
    ClusterBroker fake;
    const auto done = run_command({"broker", "decommission", "2"}, fake.broker.address());
    EXPECT_EQ(done.code, 0) << done.failure << done.text;
    EXPECT_TRUE(contains(done.text, "Broker 2 holds nothing any more: it may be stopped")) << done.text;
    for (size_t i = 0; i < 3; ++i) EXPECT_FALSE(holds(fake.partition(i).replicas, 2)) << i;
    const auto json = run_command({"broker", "drain", "3", "--replicas", "--json"}, fake.broker.address());
    EXPECT_TRUE(contains(json.text, "\"may_be_stopped\"")) << json.text;
}

TEST(Broker, DecommissionSaysWhatHasNowhereToGo) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.fenced = {3}; });
    fake.change([](ClusterBroker& c) { c.partitions.resize(1); });
    const auto done = run_command({"broker", "decommission", "2"}, fake.broker.address());
    EXPECT_EQ(done.code, 1);
    EXPECT_TRUE(contains(done.text, "games:0: every other living broker has it already")) << done.text;
    EXPECT_TRUE(contains(done.text, "Broker 2 still has 1 replicas: it must not go yet.")) << done.text;
}

TEST(Broker, UnknownOnesAreNamedWithThoseThatThereAre) {
    ClusterBroker fake;
    const auto done = run_command({"broker", "drain", "9"}, fake.broker.address());
    EXPECT_TRUE(contains(done.failure, "there is no broker 9 | There are 1, 2, 3.")) << done.failure;
    EXPECT_FALSE(parse_arguments({"broker", "drain"}).has_value());
    EXPECT_FALSE(parse_arguments({"broker", "drain", "one"}).has_value());
}

TEST(Broker, ClusterStatusFollowsTheCoordinatorAndTheBrokers) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.partitions[2].in_sync = {1, 3}; });
    auto status = run_command({"cluster", "status"}, fake.broker.address());
    EXPECT_EQ(status.code, 0) << status.text << status.failure;
    EXPECT_TRUE(contains(status.text, "Coordinator: takes changes")) << status.text;
    EXPECT_TRUE(contains(status.text, "3 partitions: 0 offline, 0 under-replicated, 0 being reassigned"));
    fake.coordinator_says = ErrorCode::request_timed_out;
    status = run_command({"cluster", "status"}, fake.broker.address());
    EXPECT_EQ(status.code, 1);
    EXPECT_TRUE(contains(status.text, "Coordinator: does not answer")) << status.text;
    fake.coordinator_says = ErrorCode::invalid_topic;   // whatever it says, it is there
    fake.change([](ClusterBroker& c) { c.partitions[1].leader = -1; });
    fake.change([](ClusterBroker& c) { c.fenced = {3}; });
    status = run_command({"cluster", "status"}, fake.broker.address());
    EXPECT_EQ(status.code, 2);
    EXPECT_TRUE(contains(status.text, "1 offline")) << status.text;
    EXPECT_TRUE(contains(status.text, "broker 3 is fenced")) << status.text;
    EXPECT_TRUE(contains(run_command({"cluster", "status", "--json"}, fake.broker.address()).text,
                         "\"health\": \"critical\""));
}

}  // namespace
}  // namespace penstock::cli
