// Three brokers' links and the coordinator: who is in sync, who leads, who moves where, and what each is told of it.
// After every step the store's rows must be the state in memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator_world.h"
#include "wire/kafka/errors.h"

namespace penstock::scenario {
namespace {

using broker::Election;
using broker::InSyncProposal;
using wire::kafka::ErrorCode;

class Replicas : public testing::Test {
protected:
    void start(int32_t brokers = 3) {
        world.start_coordinator();
        for (int32_t id = 1; id <= brokers; ++id) world.add(id);
        step(200);
    }
    /// Lets so much time pass; then nothing is under way.
    void step(int64_t ms) {
        world.run(ms * millisecond_ns);
        auto contents = sim::Store(world.medium).load();
        const auto stored = coordinator::State::load(*contents);
        ASSERT_TRUE(stored.has_value()) << stored.error();
        const coordinator::State& state = world.coordinator().state();
        ASSERT_EQ(stored->revision(), state.revision());
        EXPECT_EQ(stored->brokers(), state.brokers());
        ASSERT_EQ(stored->topics().size(), state.topics().size());
        for (const auto& [id, topic] : state.topics()) EXPECT_EQ(stored->topic(id)->partitions, topic.partitions);
    }

    World::Node& node(int32_t id) {
        auto at = std::ranges::find(world.nodes, NodeId{id}, [](const auto& n) { return n->options.node_id; });
        return **at;
    }
    void restart(int32_t id, bool clean) {
        broker::LinkOptions options = World::options_of(id, ++incarnations_);
        options.clean = clean;
        world.remove(node(id));
        world.add(options);
        step(300);
    }
    void make(const std::string& name, std::vector<std::vector<NodeId>> assignment, bool memory = false) {
        broker::NewTopic topic;
        topic.name = name;
        topic.assignment = std::move(assignment);
        if (memory) topic.configs = {{"durability", "memory"}};
        ASSERT_TRUE(node(1).link.create_topics(++tokens_, std::span(&topic, 1), false, deadline()));
        step(100);
        ASSERT_EQ(result(1).topics.at(0).error, ErrorCode::none) << result(1).topics.at(0).message;
    }
    const broker::AdminResult& result(int32_t id) { return node(id).results.back(); }
    const broker::PartitionView& seen(int32_t id, const std::string& topic = "games", size_t index = 0) {
        return node(id).view->topic(topic)->partitions.at(index);
    }
    /// As a leader makes it that goes by its view.
    InSyncProposal proposal(int32_t from, const std::vector<int32_t>& members, const std::string& topic = "games",
                            size_t index = 0) {
        const broker::ClusterView& view = *node(from).view;
        const broker::PartitionView& record = seen(from, topic, index);
        InSyncProposal made{.topic = view.topic(topic)->id, .partition = static_cast<int32_t>(index),
                            .leader_epoch = record.leader_epoch, .partition_epoch = record.partition_epoch, .isr = {}};
        for (int32_t id : members) made.isr.push_back({NodeId{id}, view.broker(NodeId{id})->incarnation});
        return made;
    }
    broker::InSyncOutcome give(int32_t from, const InSyncProposal& made) {
        EXPECT_TRUE(node(from).link.alter_partitions(++tokens_, std::span(&made, 1)));
        step(100);
        const auto& results = node(from).in_sync_results;
        EXPECT_EQ(results.back().token, tokens_);
        EXPECT_EQ(results.back().error, ErrorCode::none) << results.back().message;
        return results.back().partitions.at(0);
    }
    broker::InSyncOutcome propose(int32_t from, const std::vector<int32_t>& members, const std::string& topic = "games",
                                  size_t index = 0) {
        return give(from, proposal(from, members, topic, index));
    }
    broker::PartitionResult elect(Election election) {
        const broker::PartitionRef ref{"games", 0};
        EXPECT_TRUE(node(1).link.elect_leaders(++tokens_, election, std::span(&ref, 1), deadline()));
        step(100);
        return result(1).partitions.at(0);
    }
    broker::PartitionResult reassign(std::optional<std::vector<NodeId>> replicas) {
        const broker::NewReplicas wanted{"games", 0, std::move(replicas)};
        EXPECT_TRUE(node(1).link.reassign(++tokens_, std::span(&wanted, 1), deadline()));
        step(100);
        return result(1).partitions.at(0);
    }
    Nanos deadline() { return world.clock.now() + 30 * second_ns; }
    static std::vector<NodeId> ids(std::initializer_list<int32_t> numbers) {
        std::vector<NodeId> out;
        for (int32_t number : numbers) out.push_back(NodeId{number});
        return out;
    }

    World world;

private:
    uint64_t tokens_ = 0;
    uint64_t incarnations_ = 1;
};

TEST_F(Replicas, AnInSyncSetGrowsAndShrinksUnderTheEpochsOnRecord) {
    start();
    make("games", {ids({1, 2, 3})});
    EXPECT_EQ(seen(2).isr, ids({1}));
    const InSyncProposal first = proposal(1, {1, 2, 3});
    const auto grown = give(1, first);
    EXPECT_EQ(grown.error, ErrorCode::none) << grown.message;
    EXPECT_EQ(grown.isr, ids({1, 2, 3}));
    EXPECT_EQ(grown.partition_epoch, 1);
    for (int32_t id : {1, 2, 3}) {
        EXPECT_EQ(seen(id).isr, grown.isr);
        EXPECT_EQ(seen(id).partition_epoch, grown.partition_epoch);
        EXPECT_TRUE(seen(id).in_sync(NodeId{3}));
    }
    const auto late = give(1, first);
    EXPECT_EQ(late.error, ErrorCode::invalid_update_version);
    EXPECT_EQ(late.isr, grown.isr) << "what is on record comes with the refusal";
    EXPECT_EQ(propose(2, {2, 3}).error, ErrorCode::fenced_leader_epoch) << "it does not lead";
    const auto shrunk = propose(1, {1, 3});
    EXPECT_EQ(shrunk.isr, ids({1, 3}));
    EXPECT_EQ(seen(2).isr, ids({1, 3}));
    EXPECT_FALSE(seen(2).in_sync(NodeId{2}));
}

TEST_F(Replicas, AProposalThatNamesAnEarlierRunOfAMemberIsRefused) {
    start();
    make("games", {ids({1, 2, 3})});
    const InSyncProposal before = proposal(1, {1, 2});
    restart(2, true);
    EXPECT_EQ(give(1, before).error, ErrorCode::ineligible_replica);
    EXPECT_EQ(seen(1).isr, ids({1}));
    EXPECT_EQ(propose(1, {1, 2}).error, ErrorCode::none);
}

TEST_F(Replicas, AFencedBrokerLeavesAndItsLeaderTakesItBack) {
    start();
    make("games", {ids({2, 1, 3}), ids({1, 2, 3})});
    ASSERT_EQ(propose(2, {1, 2, 3}).error, ErrorCode::none);
    ASSERT_EQ(propose(1, {1, 2}, "games", 1).error, ErrorCode::none);
    node(2).reachable = false;
    step(2000);
    EXPECT_EQ(seen(1).leader, NodeId{1});
    EXPECT_EQ(seen(1).leader_epoch, LeaderEpoch{1});
    EXPECT_EQ(seen(1).isr, ids({1, 3}));
    EXPECT_EQ(seen(1, "games", 1).isr, ids({1}));
    EXPECT_EQ(seen(1, "games", 1).leader_epoch, LeaderEpoch{0});
    const auto refused = propose(1, {1, 2, 3});
    EXPECT_EQ(refused.error, ErrorCode::ineligible_replica) << refused.message;
    node(2).reachable = true;
    ASSERT_TRUE(world.run_until([&] { return node(1).view->alive(NodeId{2}); }, 10 * second_ns));
    step(200);
    EXPECT_EQ(seen(2).isr, ids({1, 3})) << "it has to catch up first";
    ASSERT_EQ(propose(1, {1, 2, 3}).error, ErrorCode::none);
    EXPECT_EQ(seen(2).leader, NodeId{1});
}

TEST_F(Replicas, WhereAllAreFencedTheLastOneWaitsForItself) {
    start();
    make("games", {ids({2, 3})});
    ASSERT_EQ(propose(2, {2, 3}).error, ErrorCode::none);
    node(2).reachable = false;
    step(2000);
    node(3).reachable = false;
    step(2000);
    EXPECT_EQ(seen(1).isr, ids({3}));
    EXPECT_EQ(seen(1).leader, NodeId{3}) << "on record";
    node(2).reachable = true;
    step(5000);
    EXPECT_EQ(seen(1).leader, NodeId{3}) << "the other one may lack what was acknowledged";
    const LeaderEpoch before = seen(1).leader_epoch;
    restart(3, true);
    EXPECT_EQ(seen(3).leader, NodeId{3});
    EXPECT_GT(seen(3).leader_epoch, before) << "a new incarnation, a new epoch";
}

TEST_F(Replicas, OnlyACleanRestartKeepsItsPlaceInASetInMemory) {
    for (const bool clean : {true, false}) {
        world.nodes.clear();
        world.medium = {};
        start();
        make("disk", {ids({1, 2})});
        make("memory", {ids({1, 2})}, true);
        make("alone", {ids({2, 1})}, true);
        ASSERT_EQ(propose(1, {1, 2}, "disk").error, ErrorCode::none);
        ASSERT_EQ(propose(1, {1, 2}, "memory").error, ErrorCode::none);
        restart(2, clean);
        EXPECT_EQ(seen(1, "disk").isr, ids({1, 2}));
        EXPECT_EQ(seen(1, "memory").isr, clean ? ids({1, 2}) : ids({1}));
        EXPECT_EQ(seen(1, "alone").isr, ids({2})) << "the last member stays";
        EXPECT_EQ(seen(1, "alone").leader_epoch, LeaderEpoch{1});
        EXPECT_EQ(seen(1, "disk").leader_epoch, LeaderEpoch{0});
    }
}

TEST_F(Replicas, ABrokerStopsWithoutAnybodyWaitingForItsSessionToEnd) {
    start();
    make("games", {ids({2, 1, 3})});
    make("pairs", {ids({1, 2}), ids({2, 3})});
    make("alone", {ids({2})});
    ASSERT_EQ(propose(2, {1, 2, 3}).error, ErrorCode::none);
    ASSERT_EQ(propose(1, {1, 2}, "pairs").error, ErrorCode::none);
    node(2).link.want_to_stop();
    world.store_held = true;
    world.run(300 * millisecond_ns);
    EXPECT_FALSE(node(2).link.may_stop()) << "the store has to have it first";
    world.store_held = false;
    step(200);
    EXPECT_TRUE(node(2).link.may_stop());
    EXPECT_EQ(seen(1).leader, NodeId{1});
    EXPECT_EQ(seen(1).leader_epoch, LeaderEpoch{1});
    EXPECT_EQ(seen(1).isr, ids({1, 3}));
    EXPECT_EQ(seen(1, "pairs").isr, ids({1}));
    EXPECT_EQ(seen(1, "alone").leader, NodeId{2}) << "nobody else could";
    EXPECT_EQ(seen(1, "pairs", 1).leader, NodeId{2});
    EXPECT_TRUE(node(1).view->alive(NodeId{2}));
    EXPECT_EQ(propose(1, {1, 2}, "pairs").error, ErrorCode::ineligible_replica);
    const auto caught_up = propose(2, {2, 3}, "pairs", 1);
    EXPECT_EQ(caught_up.error, ErrorCode::none);
    EXPECT_EQ(caught_up.leader, NodeId{3}) << "what can move moves, also later";
    EXPECT_EQ(caught_up.isr, ids({3}));
    make("new", {ids({1}), ids({3})});
    EXPECT_EQ(elect(Election::preferred).error, ErrorCode::preferred_leader_not_available);
    node(2).reachable = false;
    step(20);
    EXPECT_FALSE(node(2).link.may_stop()) << "what was said was said in that session";
    // It comes back, and is as good as any.
    restart(2, true);
    EXPECT_FALSE(node(2).link.may_stop());
    EXPECT_TRUE(world.coordinator().state().eligible(NodeId{2}));
    EXPECT_EQ(propose(1, {1, 2, 3}).error, ErrorCode::none);
}

TEST_F(Replicas, AReassignmentEndsWhenAllItsReplicasAreInSync) {
    start(4);
    make("games", {ids({1, 2})});
    ASSERT_EQ(propose(1, {1, 2}).error, ErrorCode::none);
    ASSERT_EQ(reassign(ids({3, 4})).error, ErrorCode::none);
    EXPECT_EQ(seen(3).replicas, ids({3, 4, 1, 2}));
    EXPECT_EQ(seen(3).adding, ids({3, 4}));
    EXPECT_EQ(seen(3).removing, ids({1, 2}));
    EXPECT_EQ(seen(3).leader, NodeId{1});
    ASSERT_EQ(propose(1, {1, 2, 3}).error, ErrorCode::none);
    EXPECT_EQ(seen(1).leader, NodeId{1}) << "one is missing";
    const auto done = propose(1, {1, 2, 3, 4});
    EXPECT_EQ(done.error, ErrorCode::none) << done.message;
    EXPECT_EQ(done.leader, NodeId{3});
    for (int32_t id : {1, 2, 3, 4}) {
        EXPECT_EQ(seen(id).replicas, ids({3, 4})) << "who lost its replica is told so, too";
        EXPECT_EQ(seen(id).isr, ids({3, 4}));
        EXPECT_TRUE(seen(id).adding.empty() && seen(id).removing.empty());
        EXPECT_EQ(seen(id).leader_epoch, LeaderEpoch{1});
    }
}

TEST_F(Replicas, ACancelledReassignmentLeavesTheOldReplicas) {
    start(4);
    make("games", {ids({1, 2})});
    ASSERT_EQ(propose(1, {1, 2}).error, ErrorCode::none);
    EXPECT_EQ(reassign(std::nullopt).error, ErrorCode::no_reassignment_in_progress);
    ASSERT_EQ(reassign(ids({3, 4})).error, ErrorCode::none);
    ASSERT_EQ(propose(1, {1, 2, 3}).error, ErrorCode::none);
    ASSERT_EQ(reassign(std::nullopt).error, ErrorCode::none);
    EXPECT_EQ(seen(3).replicas, ids({1, 2}));
    EXPECT_EQ(seen(3).isr, ids({1, 2}));
    EXPECT_EQ(seen(3).leader_epoch, LeaderEpoch{0});
    node(4).reachable = false;
    step(2000);
    EXPECT_EQ(reassign(ids({1, 4})).error, ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(reassign(ids({1, 9})).error, ErrorCode::invalid_replica_assignment);
}

TEST_F(Replicas, PreferredLeadersLeadWhenAskedForOrWithTime) {
    world.coordinator_options.leader_rebalance_interval_ns = 10 * second_ns;
    start();
    make("games", {ids({2, 1})});
    ASSERT_EQ(propose(2, {1, 2}).error, ErrorCode::none);
    EXPECT_EQ(elect(Election::preferred).error, ErrorCode::election_not_needed);
    restart(2, true);
    EXPECT_EQ(seen(1).leader, NodeId{2}) << "the first in order, under a new epoch";
    node(2).reachable = false;
    step(2000);
    EXPECT_EQ(seen(1).leader, NodeId{1});
    EXPECT_EQ(elect(Election::preferred).error, ErrorCode::preferred_leader_not_available);
    node(2).reachable = true;
    ASSERT_TRUE(world.run_until([&] { return node(1).view->alive(NodeId{2}); }, 10 * second_ns));
    step(100);
    ASSERT_EQ(propose(1, {1, 2}).error, ErrorCode::none);
    EXPECT_EQ(seen(1).leader, NodeId{1});
    step(10'000);
    EXPECT_EQ(seen(1).leader, NodeId{2});
    EXPECT_TRUE(std::ranges::any_of(world.notes, [](const auto& n) { return n.find("preferred") != n.npos; }));
}

TEST_F(Replicas, AnUncleanElectionIsACommandAndIsWarnedOf) {
    start();
    make("games", {ids({2, 1, 3})});
    EXPECT_EQ(elect(Election::unclean).error, ErrorCode::election_not_needed);
    node(2).reachable = false;
    step(2000);
    EXPECT_EQ(seen(1).leader, NodeId{2}) << "on record: it alone has what was acknowledged";
    ASSERT_EQ(elect(Election::unclean).error, ErrorCode::none);
    EXPECT_EQ(seen(1).leader, NodeId{1});
    EXPECT_EQ(seen(1).isr, ids({1}));
    EXPECT_EQ(seen(1).leader_epoch, LeaderEpoch{1});
    EXPECT_TRUE(std::ranges::any_of(world.notes, [](const auto& n) { return n.find("unclean election") != n.npos; }));
}

TEST_F(Replicas, AnElectionOfAllTellsOfThoseThatNeededOne) {
    start();
    make("games", {ids({2, 1}), ids({1, 2})});
    ASSERT_EQ(propose(2, {1, 2}).error, ErrorCode::none);
    ASSERT_EQ(reassign(ids({1, 2})).error, ErrorCode::none);
    EXPECT_EQ(seen(1).leader, NodeId{2});
    ASSERT_TRUE(node(1).link.elect_leaders(99, Election::preferred, std::nullopt, deadline()));
    step(100);
    ASSERT_EQ(result(1).partitions.size(), 1u);
    EXPECT_EQ(result(1).partitions[0].topic, "games");
    EXPECT_EQ(result(1).partitions[0].error, ErrorCode::none);
    EXPECT_FALSE(result(1).more);
    EXPECT_GE(node(1).view->revision, result(1).revision);
    EXPECT_EQ(seen(1).leader, NodeId{1});
}

TEST_F(Replicas, InternalTopicsAreRaisedAsBrokersJoin) {
    start(1);
    broker::NewTopic topic;
    topic.name = "__consumer_offsets";
    topic.partitions = 50;
    ASSERT_TRUE(node(1).link.create_topics(1, std::span(&topic, 1), false, deadline()));
    step(100);
    const auto& partitions = [&]() -> const auto& { return node(1).view->topic(topic.name)->partitions; };
    EXPECT_EQ(partitions()[0].replicas.size(), 1u);
    world.add(2);
    step(300);
    for (const auto& p : partitions()) EXPECT_EQ(p.adding, ids({2}));
    std::vector<InSyncProposal> all;
    for (size_t i = 0; i < 50; ++i) all.push_back(proposal(1, {1, 2}, topic.name, i));
    ASSERT_TRUE(node(1).link.alter_partitions(7, all));
    step(100);
    for (const auto& p : partitions()) EXPECT_TRUE(p.isr.size() == 2 && p.adding.empty());
    world.add(3);
    world.add(4);
    step(300);
    for (const auto& p : partitions()) EXPECT_EQ(p.replicas.size(), 3u);
}

TEST_F(Replicas, BrokersAreKnownByRackAndIncarnation) {
    world.start_coordinator();
    broker::LinkOptions options = World::options_of(1);
    options.rack = "r1";
    world.add(options);
    step(200);
    EXPECT_EQ(node(1).view->brokers.at(0).rack, "r1");
    EXPECT_EQ(node(1).view->brokers.at(0).incarnation, options.incarnation);
}

TEST_F(Replicas, NothingIsAnsweredBeforeTheStoreHasIt) {
    start();
    make("games", {ids({1, 2})});
    const InSyncProposal grow = proposal(1, {1, 2});
    world.store_held = true;
    ASSERT_TRUE(node(1).link.alter_partitions(5, std::span(&grow, 1)));
    world.run(2 * second_ns);
    EXPECT_TRUE(node(1).in_sync_results.empty());
    EXPECT_EQ(seen(2).isr, ids({1}));
    world.store_held = false;
    step(100);
    ASSERT_EQ(node(1).in_sync_results.size(), 1u);
    EXPECT_EQ(seen(2).isr, ids({1, 2}));
}

TEST_F(Replicas, ProposalsNeedASessionAndAreBounded) {
    start();
    make("games", {ids({1, 2})});
    const InSyncProposal grow = proposal(1, {1, 2});
    world.store_held = true;
    for (uint64_t i = 0; i < limits::link_in_sync_requests_max; ++i)
        ASSERT_TRUE(node(1).link.alter_partitions(i, std::span(&grow, 1)));
    EXPECT_EQ(node(1).link.alter_partitions(99, std::span(&grow, 1)).error().code, Errc::would_block);
    const std::vector<InSyncProposal> many(limits::changed_partitions_max + 1, grow);
    EXPECT_EQ(node(1).link.alter_partitions(99, many).error().code, Errc::too_large);
    world.store_held = false;
    step(500);
    EXPECT_EQ(node(1).in_sync_results.size(), limits::link_in_sync_requests_max);
    world.crash_coordinator(false);
    EXPECT_EQ(node(1).link.alter_partitions(99, std::span(&grow, 1)).error().code, Errc::not_ready);
}

// Whatever frame the connection is lost at: every proposal is answered once, and what was taken is on record.
TEST(ReplicasLoss, AProposalIsNeverLostSilently) {
    for (uint64_t at = 1; at <= 60; ++at) {
        for (const bool delivered : {false, true}) {
            World world;
            world.start_coordinator();
            auto& one = world.add(1);
            world.add(2);
            world.run(200 * millisecond_ns);
            broker::NewTopic topic;
            topic.name = "games";
            topic.assignment = {{NodeId{1}, NodeId{2}}};
            ASSERT_TRUE(one.link.create_topics(1, std::span(&topic, 1), false, world.clock.now() + 30 * second_ns));
            world.run(100 * millisecond_ns);
            const broker::ClusterView& view = *one.view;
            const InSyncProposal grow{.topic = view.topic("games")->id, .partition = 0, .leader_epoch = LeaderEpoch{0},
                                      .partition_epoch = 0,
                                      .isr = {{NodeId{1}, view.broker(NodeId{1})->incarnation},
                                              {NodeId{2}, view.broker(NodeId{2})->incarnation}}};
            world.cut = {.at_frame = world.frames + at, .delivered = delivered};
            uint64_t sent = 0;
            for (int i = 0; i < 20; ++i) {
                if (one.link.alter_partitions(++sent, std::span(&grow, 1))) world.run(5 * millisecond_ns);
                else --sent;
            }
            world.run(3 * second_ns);
            ASSERT_EQ(one.in_sync_results.size(), sent) << at;
            for (const auto& result : one.in_sync_results) {
                if (result.error != ErrorCode::none) {
                    EXPECT_EQ(result.error, ErrorCode::request_timed_out) << at;
                    EXPECT_TRUE(result.partitions.empty());
                } else if (result.partitions.at(0).error == ErrorCode::none) {
                    EXPECT_EQ(one.view->topic("games")->partitions[0].isr.size(), 2u) << at;
                }
            }
        }
    }
}

}  // namespace
}  // namespace penstock::scenario
