#include "broker/cluster_gather.h"

#include <gtest/gtest.h>

#include "limits.h"
#include "uuid_of.h"

namespace penstock::broker {
namespace {

using namespace wire::node;

const Uuid cluster = uuid_of(0xcc);
const std::vector<int32_t> one{1};

// A page with what it points to.
struct Page {
    WatchClusterResponse response;
    std::vector<WatchedTopic> topics;
    std::vector<std::vector<WatchedPartition>> partitions;
    std::vector<WatchedBroker> brokers{{1, "host", 9092, 1, true}};
    std::vector<Uuid> deleted;

    explicit Page(int64_t revision, bool full = false) {
        response.revision = response.after_revision = revision;
        response.full = full;
        response.controller_id = 1;
    }
    Page& topic(uint8_t number, const char* name, int32_t epoch = 0, size_t count = 1) {
        auto& list = partitions.emplace_back();
        for (size_t i = 0; i < count; ++i) list.push_back({1, epoch, one, one});
        topics.push_back({uuid_of(number), name, response.revision, {}, {}});
        return *this;
    }
    Page& gone(uint8_t number) {
        deleted.push_back(uuid_of(number));
        return *this;
    }
    Page& more(uint8_t after) {
        response.more = true;
        response.after_topic = uuid_of(after);
        return *this;
    }
    const WatchClusterResponse& get() {
        for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = partitions[i];
        response.topics = topics;
        response.brokers = brokers;
        response.deleted = deleted;
        return response;
    }
};

TEST(ClusterGather, AFullStateThenChanges) {
    ClusterGather gather(NodeId{1});
    EXPECT_EQ(gather.request().revision, 0);
    EXPECT_EQ(gather.take(Page(5, true).topic(1, "a").topic(2, "b").get(), cluster), "");
    ASSERT_NE(gather.view(), nullptr);
    const auto first = gather.view();
    EXPECT_EQ(first->revision, 5u);
    EXPECT_EQ(first->cluster_id, cluster);
    EXPECT_EQ(first->topics.size(), 2u);
    EXPECT_EQ(gather.request().revision, 5);
    EXPECT_EQ(gather.take(Page(6).topic(2, "b", 1).topic(3, "c").gone(1).get(), cluster), "");
    const auto second = gather.view();
    EXPECT_EQ(second->topic("a"), nullptr);
    EXPECT_TRUE(second->deleted(uuid_of(1)));
    EXPECT_EQ(second->topic("b")->partitions[0].leader_epoch, LeaderEpoch{1});
    EXPECT_NE(second->topic("c"), nullptr);
    EXPECT_NE(first->topic("a"), nullptr);  // who still has the first one sees no change
}

TEST(ClusterGather, CarriesWhatReplicasAndBrokersAreDoing) {
    ClusterGather gather(NodeId{1});
    const std::vector<int32_t> replicas{2, 1}, two{2};
    Page page(5, true);
    page.brokers[0].rack = "r1";
    page.brokers[0].incarnation = uuid_of(9);
    page.topic(1, "a").partitions[0][0] = {1, 3, replicas, one, 7, two, one};
    ASSERT_EQ(gather.take(page.get(), cluster), "");
    const PartitionView& view = gather.view()->topic("a")->partitions[0];
    EXPECT_EQ(view.partition_epoch, 7);
    EXPECT_EQ(view.adding, std::vector<NodeId>{NodeId{2}});
    EXPECT_EQ(view.removing, std::vector<NodeId>{NodeId{1}});
    EXPECT_EQ(gather.view()->brokers[0].rack, "r1");
    EXPECT_EQ(gather.view()->brokers[0].incarnation, uuid_of(9));
}

TEST(ClusterGather, PagesBecomeOneView) {
    ClusterGather gather(NodeId{1});
    EXPECT_EQ(gather.take(Page(5, true).topic(1, "a").more(1).get(), cluster), "");
    EXPECT_TRUE(gather.incomplete());
    EXPECT_EQ(gather.view(), nullptr);
    EXPECT_EQ(gather.request().after_topic, uuid_of(1));
    EXPECT_EQ(gather.take(Page(6).topic(2, "b").gone(1).get(), cluster), "");
    EXPECT_FALSE(gather.incomplete());
    ASSERT_NE(gather.view(), nullptr);
    EXPECT_EQ(gather.view()->revision, 6u);
    EXPECT_EQ(gather.view()->topics.size(), 1u);
}

TEST(ClusterGather, WithoutNewsTheViewStays) {
    ClusterGather gather(NodeId{1});
    gather.take(Page(5, true).get(), cluster);
    const auto view = gather.view();
    EXPECT_EQ(gather.take(Page(5).get(), cluster), "");
    EXPECT_EQ(gather.view(), view);
}

TEST(ClusterGather, AMissingTopicIsNotADeletedOne) {
    ClusterGather gather(NodeId{1});
    gather.take(Page(5, true).topic(1, "a").get(), cluster);
    EXPECT_EQ(gather.take(Page(6, true).get(), cluster), "");
    EXPECT_EQ(gather.view()->topic("a"), nullptr);
    EXPECT_FALSE(gather.view()->deleted(uuid_of(1)));
}

TEST(ClusterGather, WhatWasAppliedIsNotListedAgain) {
    ClusterGather gather(NodeId{1});
    gather.take(Page(5, true).topic(1, "a").topic(2, "b").get(), cluster);
    gather.take(Page(6).gone(1).get(), cluster);
    gather.take(Page(7).gone(2).get(), cluster);
    EXPECT_TRUE(gather.view()->deleted(uuid_of(1)));
    gather.confirm_applied(6);
    gather.take(Page(8).get(), cluster);
    EXPECT_FALSE(gather.view()->deleted(uuid_of(1)));
    EXPECT_TRUE(gather.view()->deleted(uuid_of(2)));
}

TEST(ClusterGather, ThisBrokerStandsInWhenNobodyIsAlive) {
    ClusterGather gather(NodeId{7});
    Page page(5, true);
    page.response.controller_id = -1;
    gather.take(page.get(), cluster);
    EXPECT_EQ(gather.view()->controller_id, NodeId{7});
}

TEST(ClusterGather, RefusesWhatCannotBe) {
    struct Case {
        Page page;
        const char* message;
    };
    Page no_partitions(6), bad_broker(6), bad_epoch(6), bad_name(6), no_progress(6), bad_replicas(6);
    Page older_record(6), bad_record(6), bad_moves(6), bad_rack(6);
    older_record.topic(1, "a", 2, 2).partitions[0][0].partition_epoch = 4;
    older_record.partitions[0][1].partition_epoch = 5;
    bad_record.topic(3, "c").partitions[0][0].partition_epoch = -1;
    const std::vector<int32_t> two{1, 2};
    bad_moves.topic(3, "c").partitions[0][0].adding = two;
    static const std::string long_rack(256, 'r');
    bad_rack.brokers[0].rack = long_rack;
    no_partitions.topic(3, "c", 0, 0);
    bad_broker.brokers[0].port = 0;
    bad_epoch.topic(3, "c", -1);
    bad_name.topic(3, "");
    no_progress.more(1);
    bad_replicas.topic(3, "c");
    bad_replicas.partitions[0][0].replicas = {};
    std::vector<Case> table{
        {Page(4), "went back from 5 to 4"},
        {Page(-1), "went back"},
        {Page(6).topic(1, "a", 1), "epochs of topic"},
        {older_record, "epochs of topic"},
        {bad_record, "bounds"},
        {bad_moves, "bounds"},
        {bad_rack, "broker"},
        {Page(6).topic(1, "a", 2, 1), "epochs of topic"},  // it had two partitions
        {Page(6).topic(3, "a"), "one name"},
        {no_partitions, "bounds"},
        {bad_broker, "broker"},
        {bad_epoch, "bounds"},
        {bad_name, "bounds"},
        {no_progress, "holds nothing"},
        {bad_replicas, "bounds"},
        {Page(6).topic(3, "c", 0, limits::partitions_per_topic_max + 1), "bounds"},
    };
    for (Case& c : table) {
        ClusterGather gather(NodeId{1});
        Page good(5, true);
        for (WatchedPartition& p : good.topic(1, "a", 2, 2).partitions[0]) p.partition_epoch = 5;
        ASSERT_EQ(gather.take(good.get(), cluster), "");
        const auto view = gather.view();
        const std::string wrong = gather.take(c.page.get(), cluster);
        EXPECT_NE(wrong.find(c.message), std::string::npos) << wrong << " / " << c.message;
        EXPECT_EQ(gather.view(), view);
        // What was gathered may be half of it: only a full state is taken now, and none that went back.
        EXPECT_EQ(gather.request().revision, 0);
        EXPECT_NE(gather.take(Page(7).get(), cluster), "");
        EXPECT_NE(gather.take(Page(4, true).get(), cluster), "");
        good.response.revision = 7;
        EXPECT_EQ(gather.take(good.get(), cluster), "");
        EXPECT_EQ(gather.view()->revision, 7u);
    }
}

}  // namespace
}  // namespace penstock::broker
