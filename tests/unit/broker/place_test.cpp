#include "broker/place.h"

#include <gtest/gtest.h>

#include "broker/serving_rig.h"

namespace penstock::broker {
namespace {

class PlaceTest : public testing::Test {
protected:
    PlaceTest() {
        options_.node_id = NodeId(1);
        options_.shard_count = 4;
        TopicView topic;
        topic.name = "t";
        topic.id = make_uuid(1, 2);
        topic.partitions.resize(2);
        topic.partitions[0].leader = NodeId(1);
        topic.partitions[1].leader = NodeId(2);
        topic.partitions[1].leader_epoch = LeaderEpoch(5);
        auto view = std::make_shared<ClusterView>();
        view->topics.push_back(std::make_shared<const TopicView>(topic));
        view->brokers = {{.id = NodeId(1), .host = "a", .port = 1, .alive = true},
                         {.id = NodeId(2), .host = "b", .port = 2, .alive = false},
                         {.id = NodeId(3), .host = "c", .port = 3, .alive = true}};
        view->seal();
        topics_.prepare(view);
        topics_.publish();
    }
    BrokerOptions options_;
    TopicTable topics_{{}};
    ServingRig serving_{options_, topics_};
};

TEST_F(PlaceTest, names_the_owner_of_a_partition_that_is_here) {
    const Place place = find_place(serving_, topics_.find("t"), 0, false);
    EXPECT_EQ(place.error, ErrorCode::none);
    EXPECT_EQ(place.owner, log::shard_of(place.key, 4));
    EXPECT_EQ(place.topic, topics_.find("t"));
}

TEST_F(PlaceTest, says_why_a_partition_is_not_here) {
    EXPECT_EQ(find_place(serving_, nullptr, 0, false).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(find_place(serving_, nullptr, 0, true).error, ErrorCode::unknown_topic_id);
    EXPECT_EQ(find_place(serving_, topics_.find("t"), 2, true).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(find_place(serving_, topics_.find("t"), -1, true).error, ErrorCode::unknown_topic_or_partition);
    const Place elsewhere = find_place(serving_, topics_.find("t"), 1, false);
    EXPECT_EQ(elsewhere.error, ErrorCode::not_leader_or_follower);
    EXPECT_EQ(leader_of(elsewhere.partition).leader_id, 2);
    EXPECT_EQ(leader_of(elsewhere.partition).leader_epoch, 5);
    EXPECT_EQ(leader_of(nullptr).leader_id, -1);
}

TEST_F(PlaceTest, lists_the_brokers_that_are_alive) {
    Request request;
    const auto all = endpoints(request, topics_.view());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].node_id, 1);
    EXPECT_EQ(all[1].host, "c");
}

}  // namespace
}  // namespace penstock::broker
