#include <gtest/gtest.h>

#include "cli/command.h"
#include "cluster_broker.h"
#include "command_run.h"
#include "contains.h"

namespace penstock::cli {
namespace {

using Ids = std::vector<int32_t>;

TEST(Partition, ReassignPutsReplicasElsewhereAndWaits) {
    ClusterBroker fake;
    const auto done = run_command({"partition", "reassign", "games:0", "--replicas", "3,2", "--wait"},
                                  fake.broker.address());
    EXPECT_EQ(done.code, 0) << done.failure;
    EXPECT_EQ(done.text, "Reassigned: 1 of 1 partition.\n");
    EXPECT_EQ(fake.partition(0).replicas, (Ids{3, 2}));
    EXPECT_LE(fake.lists_until_moved, 0) << "it waited";
}

TEST(Partition, ReassignOfAWholeTopicSpreadsTheLeaders) {
    ClusterBroker fake;
    fake.lists_until_moved = 100;
    const auto done = run_command({"partition", "reassign", "games", "--replicas", "1,2,3"}, fake.broker.address());
    EXPECT_EQ(done.text, "Being reassigned: 3 of 3 partitions.\n");
    EXPECT_EQ(fake.partition(0).target, (Ids{1, 2, 3}));
    EXPECT_EQ(fake.partition(1).target, (Ids{2, 3, 1}));
    EXPECT_EQ(fake.partition(2).target, (Ids{3, 1, 2}));
    const auto shown = run_command({"topic", "describe", "games"}, fake.broker.address());
    EXPECT_TRUE(contains(shown.text, "REASSIGNING")) << shown.text;
    EXPECT_TRUE(contains(shown.text, "+2,3,1 -2,3")) << shown.text;
}

TEST(Partition, CancelEndsWhatIsUnderWay) {
    ClusterBroker fake;
    fake.lists_until_moved = 100;
    run_command({"partition", "reassign", "games:1", "--replicas", "1,2"}, fake.broker.address());
    ASSERT_FALSE(fake.partition(1).target.empty());
    const auto cancelled = run_command({"partition", "reassign", "games", "--cancel"}, fake.broker.address());
    EXPECT_EQ(cancelled.code, 0);
    EXPECT_EQ(cancelled.text, "Cancelled: 1 of 1 partition.\n");
    EXPECT_TRUE(fake.partition(1).target.empty());
    EXPECT_EQ(run_command({"partition", "reassign", "games", "--cancel"}, fake.broker.address()).text,
              "No reassignment of this topic is under way.\n");
    const auto named = run_command({"partition", "reassign", "games:1", "--cancel"}, fake.broker.address());
    EXPECT_EQ(named.code, 1);
    EXPECT_TRUE(contains(named.text, "games:1: NO_REASSIGNMENT_IN_PROGRESS")) << named.text;
}

TEST(Partition, ReassignSaysWhatWasRefused) {
    ClusterBroker fake;
    const auto refused = run_command({"partition", "reassign", "games:0", "--replicas", "1,9"}, fake.broker.address());
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(contains(refused.text, "games:0: INVALID_REPLICA_ASSIGNMENT")) << refused.text;
    const auto absent = run_command({"partition", "reassign", "games:7", "--replicas", "1"}, fake.broker.address());
    EXPECT_TRUE(contains(absent.failure, "topic 'games' has no partition 7 | It has 3: 0 to 2.")) << absent.failure;
    EXPECT_TRUE(contains(run_command({"partition", "reassign", "games"}, fake.broker.address()).failure,
                         "either --replicas or --cancel"));
    EXPECT_TRUE(contains(run_command({"partition", "reassign", "gamse", "--cancel"}, fake.broker.address()).failure,
                         "Did you mean 'games'?"));
}

TEST(Partition, ElectLetsThePreferredLeaderLead) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.partitions[0].leader = 2; });
    const auto done = run_command({"partition", "elect", "games:0"}, fake.broker.address());
    EXPECT_EQ(done.code, 0);
    EXPECT_EQ(done.text, "Elected: 1 of 1 partition.\n");
    EXPECT_EQ(fake.partition(0).leader, 1);
    // Those that need none are fine, and are told of.
    const auto again = run_command({"partition", "elect", "games", "--json"}, fake.broker.address());
    EXPECT_EQ(again.code, 0);
    EXPECT_TRUE(contains(again.text, "ELECTION_NOT_NEEDED")) << again.text;
}

TEST(Partition, ElectFailsWhereThePreferredLeaderIsNotInSync) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.partitions[2] = {{3, 1}, {1}, 1}; });
    const auto done = run_command({"partition", "elect", "games:2"}, fake.broker.address());
    EXPECT_EQ(done.code, 1);
    EXPECT_TRUE(contains(done.text, "games:2: PREFERRED_LEADER_NOT_AVAILABLE")) << done.text;
}

// Standard input is no terminal here, so nobody can be asked.
TEST(Partition, UncleanElectionAsksBeforeRecordsAreLost) {
    ClusterBroker fake;
    fake.change([](ClusterBroker& c) { c.partitions[2] = {{1, 3}, {3}, -1}; });
    const auto asked = run_command({"partition", "elect", "games:2", "--unclean"}, fake.broker.address());
    EXPECT_EQ(asked.code, -1);
    EXPECT_TRUE(contains(asked.failure, "are lost for good")) << asked.failure;
    EXPECT_TRUE(contains(asked.failure, "--yes"));
    EXPECT_EQ(fake.elections, 0);
    const auto agreed = run_command({"partition", "elect", "games:2", "--unclean", "--yes"}, fake.broker.address());
    EXPECT_EQ(agreed.code, 0);
    EXPECT_EQ(fake.partition(2).leader, 1);
    // Where there is a leader nothing can be lost.
    EXPECT_EQ(run_command({"partition", "elect", "games:0", "--unclean"}, fake.broker.address()).code, 0);
}

TEST(Partition, DescribeShowsPartitionsWithoutALeader) {
    ClusterBroker fake;
    const auto led = run_command({"topic", "describe", "games"}, fake.broker.address());
    EXPECT_TRUE(contains(led.text, "100")) << led.text;
    EXPECT_FALSE(contains(led.text, "REASSIGNING"));
    fake.change([](ClusterBroker& c) { c.partitions[1].leader = -1; });
    const auto shown = run_command({"topic", "describe", "games"}, fake.broker.address());
    EXPECT_EQ(shown.code, 0) << shown.failure;
    EXPECT_TRUE(contains(shown.text, "none")) << shown.text;
    const auto json = run_command({"topic", "describe", "games", "--json"}, fake.broker.address());
    EXPECT_TRUE(contains(json.text, "\"start_offset\": null")) << json.text;
}

}  // namespace
}  // namespace penstock::cli
