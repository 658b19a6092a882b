#include "broker/cluster_view.h"

#include <gtest/gtest.h>

#include "uuid_of.h"

namespace penstock::broker {
namespace {

std::shared_ptr<const TopicView> topic(const char* name, uint8_t id, std::vector<ConfigEntry> configs = {}) {
    auto made = std::make_shared<TopicView>();
    made->name = name;
    made->id.bytes[0] = id;
    made->configs = std::move(configs);
    return made;
}

TEST(ClusterView, FindsTopicsByNameAndById) {
    ClusterView view;
    view.topics = {topic("b", 1), topic("c", 9), topic("a", 5)};
    view.seal();
    EXPECT_EQ(view.topics[0]->name, "a");
    ASSERT_NE(view.topic("c"), nullptr);
    EXPECT_EQ(view.topic("c")->id, uuid_of(9));
    ASSERT_NE(view.topic(uuid_of(1)), nullptr);
    EXPECT_EQ(view.topic(uuid_of(1))->name, "b");
    EXPECT_EQ(view.topic(uuid_of(5))->name, "a");
    EXPECT_EQ(view.topic("bb"), nullptr);
    EXPECT_EQ(view.topic(""), nullptr);
    EXPECT_EQ(view.topic("z"), nullptr);
    EXPECT_EQ(view.topic(uuid_of(4)), nullptr);
    EXPECT_EQ(view.topic(Uuid{}), nullptr);
}

TEST(ClusterView, FindsBrokersAndTellsWhoIsAlive) {
    ClusterView view;
    view.brokers = {{.id = NodeId{7}, .host = "h7", .alive = true}, {.id = NodeId{2}, .host = "h2", .alive = false}};
    view.seal();
    ASSERT_NE(view.broker(NodeId{7}), nullptr);
    EXPECT_EQ(view.broker(NodeId{7})->host, "h7");
    EXPECT_EQ(view.broker(NodeId{3}), nullptr);
    EXPECT_TRUE(view.alive(NodeId{7}));
    EXPECT_FALSE(view.alive(NodeId{2}));
    EXPECT_FALSE(view.alive(NodeId{3}));
}

TEST(ClusterView, TellsWhoIsInSync) {
    const PartitionView partition{.leader = NodeId{2}, .replicas = {NodeId{1}, NodeId{2}}, .isr = {NodeId{2}}};
    EXPECT_TRUE(partition.in_sync(NodeId{2}));
    EXPECT_FALSE(partition.in_sync(NodeId{1}));
    EXPECT_FALSE(partition.in_sync(no_node));
}

TEST(ClusterView, AnEmptyViewHoldsNothing) {
    ClusterView view;
    view.seal();
    EXPECT_EQ(view.topic("a"), nullptr);
    EXPECT_EQ(view.broker(NodeId{0}), nullptr);
    EXPECT_FALSE(view.deleted(uuid_of(1)));
}

TEST(ClusterView, OnlyListedIdsAreDeleted) {
    ClusterView view;
    view.deleted_topics = {uuid_of(9), uuid_of(3)};
    view.seal();
    EXPECT_TRUE(view.deleted(uuid_of(3)));
    EXPECT_TRUE(view.deleted(uuid_of(9)));
    EXPECT_FALSE(view.deleted(uuid_of(4)));
}

TEST(ClusterView, TopicConfigsAreFoundByKey) {
    auto made = topic("a", 1, {{"retention.bytes", "1"}, {"retention.ms", "2"}});
    ASSERT_NE(made->config("retention.ms"), nullptr);
    EXPECT_EQ(*made->config("retention.ms"), "2");
    EXPECT_EQ(made->config("retention"), nullptr);
    EXPECT_EQ(made->config("segment.ms"), nullptr);
}

}  // namespace
}  // namespace penstock::broker
