// The broker's link and the coordinator together: registration, views, changes, and every way that they are parted.
#include <gtest/gtest.h>

#include <map>

#include "coordinator_world.h"
#include "wire/kafka/errors.h"

namespace penstock::scenario {
namespace {

using broker::LinkState;
using wire::kafka::ErrorCode;

broker::NewTopic new_topic(std::string name, int32_t partitions = 3) {
    broker::NewTopic topic;
    topic.name = std::move(name);
    topic.partitions = partitions;
    topic.configs = {{"retention.ms", "60000"}};
    return topic;
}

void create(World& world, World::Node& node, uint64_t token, const std::string& name,
            int64_t timeout_ns = 30 * second_ns) {
    const broker::NewTopic topic = new_topic(name);
    ASSERT_TRUE(node.link.create_topics(token, std::span(&topic, 1), false, world.clock.now() + timeout_ns));
}

const broker::AdminResult* result_of(const World::Node& node, uint64_t token) {
    for (const auto& result : node.results)
        if (result.token == token) return &result;
    return nullptr;
}

TEST(CoordinatorLink, RegistersAndGetsAView) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    ASSERT_TRUE(world.run_until([&] { return node.view != nullptr; }, second_ns));
    EXPECT_EQ(node.link.state(), LinkState::registered);
    EXPECT_FALSE(node.link.cluster_id().is_zero());
    EXPECT_EQ(node.view->cluster_id, node.link.cluster_id());
    EXPECT_EQ(node.view->controller_id, NodeId{1});
    ASSERT_EQ(node.view->brokers.size(), 1u);
    EXPECT_EQ(node.view->brokers[0].host, "host1");
    EXPECT_EQ(node.view->brokers[0].shard_count, 2u);
    EXPECT_TRUE(node.view->alive(NodeId{1}));
}

TEST(CoordinatorLink, CreatesAndDeletesTopics) {
    World world;
    world.start_coordinator();
    auto& one = world.add(1);
    auto& two = world.add(2);
    world.run(200 * millisecond_ns);
    create(world, one, 7, "games");
    ASSERT_TRUE(world.run_until([&] { return !one.results.empty(); }, second_ns));
    const auto& created = one.results[0];
    EXPECT_EQ(created.token, 7u);
    ASSERT_EQ(created.topics.size(), 1u);
    EXPECT_EQ(created.topics[0].error, ErrorCode::none);
    EXPECT_EQ(created.topics[0].partitions, 3);
    world.run(100 * millisecond_ns);
    for (auto* node : {&one, &two}) {
        ASSERT_GE(node->view->revision, created.revision);
        const auto* topic = node->view->topic("games");
        ASSERT_NE(topic, nullptr);
        EXPECT_EQ(topic->id, created.topics[0].id);
        ASSERT_EQ(topic->partitions.size(), 3u);
        EXPECT_NE(topic->partitions[0].leader, topic->partitions[1].leader);
        EXPECT_EQ(*topic->config("retention.ms"), "60000");
    }
    create(world, two, 8, "games");
    world.run(100 * millisecond_ns);
    EXPECT_EQ(two.results.at(0).topics.at(0).error, ErrorCode::topic_already_exists);

    two.confirms = false;
    const broker::TopicRef by_id{"", created.topics[0].id};
    ASSERT_TRUE(one.link.delete_topics(9, std::span(&by_id, 1), world.clock.now() + second_ns));
    world.run(200 * millisecond_ns);
    EXPECT_EQ(result_of(one, 9)->topics.at(0).error, ErrorCode::none);
    EXPECT_EQ(result_of(one, 9)->topics.at(0).name, "games");
    EXPECT_EQ(two.view->topic("games"), nullptr);
    EXPECT_TRUE(two.view->deleted(by_id.id));
    EXPECT_EQ(world.coordinator().state().deleted().size(), 1u);
    two.link.confirm_applied(two.view->revision);
    world.run(200 * millisecond_ns);
    EXPECT_TRUE(world.coordinator().state().deleted().empty());
    EXPECT_EQ(world.medium.rows.count("deleted/" + by_id.id.text()), 0u);
}

TEST(CoordinatorLink, AltersConfigs) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    create(world, node, 1, "games");
    world.run(100 * millisecond_ns);
    const broker::TopicView& before = *node.view->topic("games");
    const std::vector<broker::ConfigEntry> wanted{{"segment.ms", "5000"}};
    const std::vector<broker::TopicConfigs> altered{{"games", before.id, before.configs, wanted}};
    const std::vector<broker::TopicConfigs> late{{"games", before.id, before.configs, {}}};
    ASSERT_TRUE(node.link.alter_configs(2, altered, false, world.clock.now() + second_ns));
    ASSERT_TRUE(node.link.alter_configs(3, late, false, world.clock.now() + second_ns));
    world.run(100 * millisecond_ns);
    EXPECT_EQ(result_of(node, 2)->topics.at(0).error, ErrorCode::none);
    EXPECT_EQ(result_of(node, 3)->topics.at(0).error, ErrorCode::invalid_update_version);
    EXPECT_GE(result_of(node, 3)->revision, result_of(node, 2)->revision);  // its view shows what was in the way
    const auto* topic = node.view->topic("games");
    EXPECT_EQ(topic->config("retention.ms"), nullptr);
    ASSERT_NE(topic->config("segment.ms"), nullptr);
    EXPECT_EQ(*topic->config("segment.ms"), "5000");
}

TEST(CoordinatorLink, FencesASilentBrokerAndTakesItBack) {
    World world;
    world.start_coordinator();
    auto& one = world.add(1);
    auto& two = world.add(2);
    world.run(200 * millisecond_ns);
    create(world, one, 1, "games");
    world.run(100 * millisecond_ns);
    two.reachable = false;
    world.run(2 * second_ns);
    EXPECT_FALSE(one.view->alive(NodeId{2}));
    EXPECT_TRUE(one.view->alive(NodeId{1}));
    two.reachable = true;
    ASSERT_TRUE(world.run_until([&] { return one.view->alive(NodeId{2}); }, 10 * second_ns));
    // The same incarnation kept its log: nobody else led, so nothing was elected.
    for (const auto& partition : one.view->topic("games")->partitions)
        EXPECT_EQ(partition.leader_epoch, LeaderEpoch{0});
}

TEST(CoordinatorLink, ABrokerThatCannotHearIsFencedThoughItSends) {
    World world;
    world.start_coordinator();
    auto& one = world.add(1);
    auto options = World::options_of(2);
    options.answer_timeout_ns = 3600 * second_ns;  // it would never give up by itself
    auto& two = world.add(options);
    world.run(200 * millisecond_ns);
    EXPECT_TRUE(one.view->alive(NodeId{2}));
    two.deaf = true;
    world.run(2 * second_ns);
    EXPECT_FALSE(one.view->alive(NodeId{2}));
}

TEST(CoordinatorLink, ANewIncarnationGetsHigherEpochs) {
    World world;
    world.start_coordinator();
    auto& first = world.add(World::options_of(1, 1));
    world.run(200 * millisecond_ns);
    create(world, first, 1, "games");
    world.run(100 * millisecond_ns);
    world.remove(first);
    auto& second = world.add(World::options_of(1, 2));
    world.run(200 * millisecond_ns);
    ASSERT_NE(second.view, nullptr);
    for (const auto& partition : second.view->topic("games")->partitions) {
        EXPECT_EQ(partition.leader, NodeId{1});
        EXPECT_EQ(partition.leader_epoch, LeaderEpoch{1});
    }
}

TEST(CoordinatorLink, ServesOnWhileTheCoordinatorIsAwayAndNothingIsLost) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    create(world, node, 1, "games");
    world.run(100 * millisecond_ns);
    const auto before = node.view;
    world.crash_coordinator(false);
    world.run(10 * second_ns);
    EXPECT_EQ(node.view, before);
    EXPECT_TRUE(node.link.state() == LinkState::connecting || node.link.state() == LinkState::waiting);
    create(world, node, 2, "later", 60 * second_ns);
    create(world, node, 3, "too late", 1 * second_ns);
    world.run(2 * second_ns);
    ASSERT_NE(result_of(node, 3), nullptr);
    EXPECT_EQ(result_of(node, 3)->error, ErrorCode::request_timed_out);
    EXPECT_EQ(result_of(node, 2), nullptr);
    world.start_coordinator();
    ASSERT_TRUE(world.run_until([&] { return result_of(node, 2) != nullptr; }, 10 * second_ns));
    EXPECT_EQ(result_of(node, 2)->topics.at(0).error, ErrorCode::none);
    world.run(100 * millisecond_ns);
    ASSERT_NE(node.view->topic("later"), nullptr);
    EXPECT_EQ(node.view->topic("games")->id, before->topic("games")->id);
    EXPECT_EQ(node.view->topic("games")->partitions, before->topic("games")->partitions);
    EXPECT_EQ(node.view->cluster_id, before->cluster_id);
}

TEST(CoordinatorLink, RefusesAnotherClusterAndAnOldBackup) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    create(world, node, 1, "games");
    world.run(100 * millisecond_ns);
    const sim::StoreMedium backup = world.medium;
    create(world, node, 2, "more");
    world.run(100 * millisecond_ns);
    ASSERT_NE(result_of(node, 2), nullptr);
    const auto before = node.view;

    world.crash_coordinator(false);
    world.medium = backup;
    world.start_coordinator();
    world.run(5 * second_ns);
    EXPECT_EQ(node.link.state(), LinkState::refused);
    EXPECT_NE(node.link.reason().find("old backup"), std::string::npos) << node.link.reason();
    EXPECT_EQ(node.view, before);

    world.crash_coordinator(false);
    world.medium = {};
    world.start_coordinator();
    world.run(5 * second_ns);
    EXPECT_EQ(node.link.state(), LinkState::refused);
    EXPECT_NE(node.link.reason().find("belongs to cluster"), std::string::npos) << node.link.reason();
    EXPECT_EQ(node.view, before);
}

TEST(CoordinatorLink, SaysWhyOtherStorageIsRefused) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    create(world, node, 1, "games");
    world.run(100 * millisecond_ns);
    auto& twin = world.add(World::options_of(1, 5, 777));
    world.run(300 * millisecond_ns);
    EXPECT_EQ(twin.link.state(), LinkState::refused);
    EXPECT_NE(twin.link.reason().find("is alive"), std::string::npos) << twin.link.reason();
    world.remove(node);
    world.run(5 * second_ns);
    EXPECT_EQ(twin.link.state(), LinkState::refused);
    EXPECT_NE(twin.link.reason().find("only copy"), std::string::npos) << twin.link.reason();
}

// Whatever frame the connection is lost at, with or without it: the cluster ends in the same state, and what was
// answered as done is there.
TEST(CoordinatorLink, SurvivesALossOfTheConnectionAtEveryFrame) {
    for (uint64_t at = 1; at <= 60; ++at) {
        for (bool delivered : {false, true}) {
            World world;
            world.cut = {.at_frame = at, .delivered = delivered};
            world.start_coordinator();
            auto& node = world.add(1);
            world.run(150 * millisecond_ns);
            create(world, node, 1, "games");
            world.run(150 * millisecond_ns);
            ASSERT_TRUE(world.run_until([&] { return result_of(node, 1) != nullptr; }, 40 * second_ns)) << at;
            const auto& result = *result_of(node, 1);
            world.run(3 * second_ns);
            EXPECT_EQ(node.link.state(), LinkState::registered) << at << node.link.reason();
            const auto* topic = node.view->topic("games");
            if (result.error == ErrorCode::none) {
                ASSERT_NE(topic, nullptr) << at;
                EXPECT_EQ(topic->id, result.topics.at(0).id);
            } else {
                EXPECT_EQ(result.error, ErrorCode::request_timed_out) << at;
            }
            EXPECT_EQ(node.view->revision, world.coordinator().state().revision()) << at;
            EXPECT_EQ(node.view->topics.size(), world.coordinator().state().topics().size()) << at;
            EXPECT_EQ(node.results.size(), 1u) << at;
            EXPECT_TRUE(node.view->alive(NodeId{1})) << at;
        }
    }
}

// The coordinator crashes at every transaction, which the disk has or has not; everything answered as done survives.
TEST(CoordinatorLink, SurvivesACrashOfTheCoordinatorAtEveryTransaction) {
    for (uint64_t at = 1; at <= 8; ++at) {
        for (bool applied : {false, true}) {
            World world;
            world.crash_at_transaction = at;
            world.crash_applies = applied;
            world.start_coordinator();
            auto& node = world.add(1);
            auto& other = world.add(2);
            world.run(300 * millisecond_ns);
            std::vector<std::string> names{"a", "b", "c"};
            for (uint64_t i = 0; i < names.size(); ++i) {
                create(world, node, i + 1, names[i]);
                ASSERT_TRUE(world.run_until([&] { return result_of(node, i + 1) != nullptr; }, 40 * second_ns));
            }
            const broker::TopicRef gone{"a", {}};
            ASSERT_TRUE(node.link.delete_topics(9, std::span(&gone, 1), world.clock.now() + 30 * second_ns));
            ASSERT_TRUE(world.run_until([&] { return result_of(node, 9) != nullptr; }, 40 * second_ns));
            world.run(5 * second_ns);
            ASSERT_TRUE(world.load_failure.empty()) << world.load_failure;
            for (auto* n : {&node, &other}) {
                EXPECT_EQ(n->link.state(), LinkState::registered) << at << n->link.reason();
                EXPECT_EQ(n->view->revision, world.coordinator().state().revision()) << at;
                for (uint64_t i = 1; i < names.size(); ++i) {
                    const auto& result = *result_of(node, i + 1);
                    if (result.error != ErrorCode::none) continue;
                    ASSERT_NE(n->view->topic(names[i]), nullptr) << at << names[i];
                    EXPECT_EQ(n->view->topic(names[i])->id, result.topics.at(0).id);
                }
                if (result_of(node, 9)->error == ErrorCode::none) {
                    EXPECT_EQ(n->view->topic("a"), nullptr) << at;
                }
            }
            EXPECT_TRUE(world.coordinator().state().deleted().empty()) << at;
        }
    }
}

/// Whether no id is in two blocks, whoever got them.
void expect_apart(const World& world) {
    std::map<int64_t, int64_t> blocks;  // first, end
    for (const auto& node : world.nodes)
        for (const auto& block : node->id_blocks)
            EXPECT_TRUE(blocks.emplace(block.first, block.first + block.count).second) << block.first;
    int64_t end = 0;
    for (const auto& [first, next] : blocks) {
        EXPECT_GE(first, end);
        EXPECT_GT(next, first);
        end = next;
    }
}

TEST(CoordinatorLink, NoProducerIdIsGivenTwiceWhereverTheConnectionEnds) {
    for (uint64_t at = 1; at <= 60; ++at) {
        for (bool delivered : {false, true}) {
            World world;
            world.cut = {.at_frame = at, .delivered = delivered};
            world.start_coordinator();
            for (int32_t id = 1; id <= 2; ++id) world.add(id).id_blocks_wanted = 4;
            ASSERT_TRUE(world.run_until([&] {
                return world.nodes[0]->id_blocks.size() >= 4 && world.nodes[1]->id_blocks.size() >= 4;
            })) << at;
            expect_apart(world);
        }
    }
}

TEST(CoordinatorLink, NoProducerIdIsGivenTwiceWhenTheCoordinatorCrashes) {
    for (uint64_t at = 1; at <= 16; ++at) {
        for (bool applies : {false, true}) {
            World world;
            world.crash_at_transaction = at;
            world.crash_applies = applies;
            world.start_coordinator();
            for (int32_t id = 1; id <= 2; ++id) world.add(id).id_blocks_wanted = 4;
            ASSERT_TRUE(world.run_until([&] {
                return world.nodes[0]->id_blocks.size() >= 4 && world.nodes[1]->id_blocks.size() >= 4;
            })) << at;
            expect_apart(world);
        }
    }
}

TEST(CoordinatorLink, NothingIsAnsweredBeforeTheStoreHasIt) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    world.store_held = true;
    create(world, node, 1, "games");
    world.run(3 * second_ns);
    EXPECT_TRUE(node.results.empty());
    EXPECT_EQ(node.view->topic("games"), nullptr);
    EXPECT_EQ(node.link.state(), LinkState::registered);  // heartbeats do not wait for the disk
    EXPECT_TRUE(node.view->alive(NodeId{1}));
    world.store_held = false;
    world.run(100 * millisecond_ns);
    ASSERT_EQ(node.results.size(), 1u);
    EXPECT_NE(node.view->topic("games"), nullptr);
}

TEST(CoordinatorLink, NobodyIsFencedWhileTheStoreIsStuckAndThenTheSilentOneIs) {
    World world;
    world.start_coordinator();
    auto& one = world.add(1);
    auto& two = world.add(2);
    world.run(200 * millisecond_ns);
    world.store_held = true;
    create(world, one, 1, "games");
    world.run(100 * millisecond_ns);
    two.reachable = false;
    world.run(3 * second_ns);  // without a busy wait, though a session is over and nothing can be done about it
    EXPECT_TRUE(world.coordinator().state().alive(NodeId{2}));
    world.store_held = false;
    world.run(200 * millisecond_ns);
    EXPECT_FALSE(one.view->alive(NodeId{2}));
    EXPECT_TRUE(one.view->alive(NodeId{1}));
}

TEST(CoordinatorLink, ALargeStateComesInPages) {
    World world;
    world.start_coordinator();
    auto& node = world.add(1);
    world.run(200 * millisecond_ns);
    std::vector<broker::NewTopic> topics;
    for (int i = 0; i < 2000; ++i) topics.push_back(new_topic("topic-" + std::to_string(i), 8));
    ASSERT_TRUE(node.link.create_topics(1, topics, false, world.clock.now() + second_ns));
    world.run(500 * millisecond_ns);
    ASSERT_NE(result_of(node, 1), nullptr);
    EXPECT_EQ(node.view->topics.size(), 2000u);
    auto& late = world.add(2);
    const uint64_t before = world.frames;
    world.run(200 * millisecond_ns);
    ASSERT_NE(late.view, nullptr);
    EXPECT_EQ(late.view->topics.size(), 2000u);
    EXPECT_GT(world.frames - before, 10u);  // a page has a bound
    EXPECT_EQ(late.view->topic("topic-1999")->partitions.size(), 8u);
}

}  // namespace
}  // namespace penstock::scenario
