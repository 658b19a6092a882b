#include "coordinator/watch.h"

#include <gtest/gtest.h>

#include <set>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

State with_topics(uint64_t count) {
    State state = cluster(2);
    for (uint64_t i = 0; i < count; ++i)
        state.add_topic(topic(100 + i, "t" + std::to_string(i), {partition(1, {1, 2}, {1})}));
    state.take_transaction();
    return state;
}

WatchPosition after(const WatchPage& page) {
    return {static_cast<uint64_t>(page.response.revision), static_cast<uint64_t>(page.response.after_revision),
            page.response.after_topic};
}

TEST(Watch, TheFirstPageIsFull) {
    State state = with_topics(3);
    WatchPage page;
    fill_page(state, {}, 1 << 20, page);
    EXPECT_TRUE(page.response.full);
    EXPECT_FALSE(page.response.more);
    EXPECT_EQ(page.response.revision, 2);
    EXPECT_EQ(page.response.controller_id, 1);
    EXPECT_EQ(page.response.brokers.size(), 2u);
    ASSERT_EQ(page.response.topics.size(), 3u);
    EXPECT_EQ(page.response.topics[0].partitions[0].replicas.size(), 2u);
    EXPECT_FALSE(has_news(state, after(page)));
}

TEST(Watch, LaterPagesHoldOnlyWhatChanged) {
    State state = with_topics(3);
    WatchPage first;
    fill_page(state, {}, 1 << 20, first);
    state.set_configs(numbered(101), {{"a", "b"}});
    state.take_transaction();
    ASSERT_TRUE(has_news(state, after(first)));
    WatchPage second;
    fill_page(state, after(first), 1 << 20, second);
    EXPECT_FALSE(second.response.full);
    ASSERT_EQ(second.response.topics.size(), 1u);
    EXPECT_EQ(second.response.topics[0].id, numbered(101));
    EXPECT_EQ(second.response.topics[0].configs.size(), 1u);
    EXPECT_TRUE(second.response.deleted.empty());
    EXPECT_FALSE(has_news(state, after(second)));
}

TEST(Watch, TellsWhoComesAndWhoGoesAndWhereBrokersStand) {
    State state = with_topics(1);
    Broker named = broker(2);
    named.rack = "r2";
    state.set_broker(named);
    state.set_partition(numbered(100), 0, moving(partition(1, {2, 1}, {1}), {1}, {2}, {1}));
    state.take_transaction();
    WatchPage page;
    fill_page(state, {}, 1 << 20, page);
    const wire::node::WatchedPartition& sent = page.response.topics[0].partitions[0];
    EXPECT_EQ(sent.partition_epoch, 1);
    EXPECT_EQ(std::vector<int32_t>(sent.adding.begin(), sent.adding.end()), std::vector<int32_t>{2});
    EXPECT_EQ(std::vector<int32_t>(sent.removing.begin(), sent.removing.end()), std::vector<int32_t>{1});
    EXPECT_EQ(page.response.brokers[0].rack, "");
    EXPECT_EQ(page.response.brokers[1].rack, "r2");
    EXPECT_EQ(page.response.brokers[1].incarnation, named.incarnation);
}

// Who loses a replica learns it so.
TEST(Watch, APartitionThatLostAReplicaComesAgain) {
    State state = with_topics(1);
    WatchPage first;
    fill_page(state, {}, 1 << 20, first);
    state.set_partition(numbered(100), 0, partition(1, {1}, {1}));
    state.take_transaction();
    ASSERT_TRUE(has_news(state, after(first)));
    WatchPage second;
    fill_page(state, after(first), 1 << 20, second);
    ASSERT_EQ(second.response.topics.size(), 1u);
    EXPECT_EQ(second.response.topics[0].partitions[0].replicas.size(), 1u);
}

TEST(Watch, AChangeOfBrokersAloneIsNews) {
    State state = with_topics(1);
    WatchPage first;
    fill_page(state, {}, 1 << 20, first);
    state.set_broker(broker(1, true));
    state.take_transaction();
    ASSERT_TRUE(has_news(state, after(first)));
    WatchPage second;
    fill_page(state, after(first), 1 << 20, second);
    EXPECT_TRUE(second.response.topics.empty());
    EXPECT_EQ(second.response.controller_id, 2);
    EXPECT_FALSE(second.response.brokers[0].alive);
}

TEST(Watch, PagesTogetherAreTheStateWhateverHappensBetween) {
    State state = with_topics(10);
    std::set<Uuid> have;
    WatchPosition position;
    int pages = 0;
    bool more = true;
    while (more) {
        WatchPage page;
        fill_page(state, position, 1, page);  // a topic at a time
        EXPECT_EQ(page.response.full, pages == 0);
        for (const auto& t : page.response.topics) have.insert(t.id);
        for (const Uuid& id : page.response.deleted) have.erase(id);
        position = after(page);
        more = page.response.more;
        if (++pages == 3) {  // one that was sent goes, one that was sent changes, a new one comes
            const Uuid sent = *have.begin(), changed = *have.rbegin();
            state.delete_topic(sent);
            state.set_configs(changed, {{"a", "b"}});
            state.add_topic(topic(500, "new", {partition(1, {1}, {1})}));
            state.take_transaction();
        }
        ASSERT_LT(pages, 30);
    }
    std::set<Uuid> wanted;
    for (const auto& [id, t] : state.topics()) wanted.insert(id);
    EXPECT_EQ(have, wanted);
    EXPECT_EQ(pages, 12);  // ten, one again, one new; the deleted one came before
    EXPECT_EQ(position.revision, state.revision());
}

TEST(Watch, WhoMissedAForgottenDeletionGetsEverything) {
    State state = with_topics(2);
    WatchPage first;
    fill_page(state, {}, 1 << 20, first);
    state.delete_topic(numbered(100));
    state.take_transaction();
    WatchPage told;
    fill_page(state, after(first), 1 << 20, told);
    EXPECT_FALSE(told.response.full);
    ASSERT_EQ(told.response.deleted.size(), 1u);
    for (int32_t id : {1, 2}) state.confirm_deleted(numbered(100), NodeId{id});
    state.take_transaction();
    WatchPage late;
    fill_page(state, after(first), 1 << 20, late);
    EXPECT_TRUE(late.response.full);
    EXPECT_TRUE(late.response.deleted.empty());
    EXPECT_EQ(late.response.topics.size(), 1u);
    WatchPage in_time;
    fill_page(state, after(told), 1 << 20, in_time);
    EXPECT_FALSE(in_time.response.full);
}

}  // namespace
}  // namespace penstock::coordinator
