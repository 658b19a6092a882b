#include "coordinator/state.h"

#include <gtest/gtest.h>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

std::vector<std::string> keys(const io::StoreTransaction& transaction) {
    std::vector<std::string> out;
    for (const auto& row : transaction.puts) out.push_back("+" + row.key);
    for (const auto& key : transaction.removes) out.push_back("-" + key);
    return out;
}

TEST(State, AChangeBecomesTheRowsThatItTouches) {
    State state = cluster(1);
    EXPECT_EQ(state.revision(), 1u);
    state.add_topic(topic(7, "games", {partition(1, {1}, {1}), partition(1, {1}, {1})}));
    const std::string id = numbered(7).text();
    auto transaction = state.take_transaction();
    EXPECT_EQ(transaction.revision, 2u);
    EXPECT_EQ(state.revision(), 2u);
    EXPECT_EQ(keys(transaction), (std::vector<std::string>{"+topic/" + id, "+partition/" + id + "/00000000",
                                                           "+partition/" + id + "/00000001"}));
    state.set_partition(numbered(7), 1, partition(1, {1}, {1}, 1));
    EXPECT_EQ(keys(state.take_transaction()), (std::vector<std::string>{"+partition/" + id + "/00000001"}));
    state.set_configs(numbered(7), {{"a", "b"}});
    EXPECT_EQ(keys(state.take_transaction()), (std::vector<std::string>{"+topic/" + id}));
    EXPECT_EQ(state.dirty_rows(), 0u);
}

TEST(State, APartitionsOwnEpochRisesWithEveryChange) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1, 2})}));
    state.set_partition(numbered(7), 0, partition(1, {1, 2}, {1}));
    EXPECT_EQ(state.topic("a")->partitions[0].partition_epoch, 1);
    state.set_partition(numbered(7), 0, partition(1, {1, 2}, {1}, 0, 77));
    EXPECT_EQ(state.topic("a")->partitions[0].partition_epoch, 2) << "whatever the caller says";
}

TEST(State, CountsWhatEachBrokerHas) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1}), partition(2, {2, 3}, {2})}));
    state.add_partitions(numbered(7), {partition(1, {1, 3}, {1})});
    EXPECT_EQ(state.load_of(NodeId{1}), (Load{2, 2}));
    EXPECT_EQ(state.load_of(NodeId{3}), (Load{2, 0}));
    state.set_partition(numbered(7), 0, partition(2, {3, 2}, {2}, 1));
    EXPECT_EQ(state.load_of(NodeId{1}), (Load{1, 1}));
    EXPECT_EQ(state.load_of(NodeId{3}), (Load{3, 1}));
    state.delete_topic(numbered(7));
    for (int32_t id : {1, 2, 3, 9}) EXPECT_EQ(state.load_of(NodeId{id}), Load{});
}

TEST(State, ATopicMovesToTheEndOfTheOrderWhenItChanges) {
    State state = cluster(1);
    state.add_topic(topic(7, "a", {partition(1, {1}, {1})}));
    state.take_transaction();
    state.add_topic(topic(8, "b", {partition(1, {1}, {1})}));
    state.take_transaction();
    EXPECT_EQ(state.order().begin()->second, numbered(7));
    state.set_configs(numbered(7), {});
    state.take_transaction();
    EXPECT_EQ(state.order().begin()->second, numbered(8));
    EXPECT_EQ(state.order().size(), 2u);
    EXPECT_EQ(state.order().rbegin()->first, 4u);
}

TEST(State, ADeletedTopicIsRememberedUntilEveryReplicaConfirmed) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1}), partition(2, {2, 1}, {2})}));
    state.take_transaction();
    state.delete_topic(numbered(7));
    auto transaction = state.take_transaction();
    EXPECT_EQ(transaction.removes.size(), 3u);
    ASSERT_EQ(transaction.puts.size(), 1u);
    EXPECT_EQ(transaction.puts[0].key, "deleted/" + numbered(7).text());
    EXPECT_EQ(state.topic("a"), nullptr);
    EXPECT_EQ(state.partition_count(), 0u);
    EXPECT_EQ(state.deleted().at(numbered(7)).waiting_for, ids({1, 2}));
    state.confirm_deleted(numbered(7), NodeId{3});
    EXPECT_EQ(state.dirty_rows(), 0u);
    state.confirm_deleted(numbered(7), NodeId{1});
    EXPECT_EQ(state.take_transaction().puts.size(), 1u);
    EXPECT_EQ(state.forgotten_revision(), 0u);
    state.confirm_deleted(numbered(7), NodeId{2});
    EXPECT_EQ(state.take_transaction().removes.size(), 1u);
    EXPECT_TRUE(state.deleted().empty());
    EXPECT_TRUE(state.deleted_order().empty());
    EXPECT_EQ(state.forgotten_revision(), 3u);
}

TEST(State, CreatedAndDeletedInOneTransactionLeavesOnlyTheDeletion) {
    State state = cluster(1);
    state.add_topic(topic(7, "a", {partition(1, {1}, {1})}));
    state.delete_topic(numbered(7));
    auto transaction = state.take_transaction();
    ASSERT_EQ(transaction.puts.size(), 1u);
    EXPECT_EQ(transaction.removes.size(), 2u);
}

TEST(State, HistoryTellsRestoredBackups) {
    State state = cluster(1);                                // epoch 2 from revision 1
    state.set_broker(broker(1, true));
    state.take_transaction();                                // revision 2
    State restored = state;                                  // a backup, taken here
    state.set_broker(broker(1, false));
    state.take_transaction();                                // revision 3, in epoch 2
    EXPECT_TRUE(state.in_history(numbered(2), 3));
    EXPECT_FALSE(state.in_history(numbered(2), 4));
    restored.begin_epoch(numbered(3));
    restored.take_transaction();                             // revision 3, in epoch 3
    EXPECT_TRUE(restored.in_history(numbered(2), 2));
    EXPECT_FALSE(restored.in_history(numbered(2), 3));       // another 3
    EXPECT_TRUE(restored.in_history(numbered(3), 3));
    EXPECT_FALSE(restored.in_history(numbered(3), 2));
    EXPECT_FALSE(restored.in_history(numbered(4), 1));
}

TEST(State, ForgetsTheOldestEpochs) {
    State state = cluster(1);
    for (uint64_t i = 0; i < 1500; ++i) {
        state.begin_epoch(numbered(10'000 + i));
        state.take_transaction();
    }
    EXPECT_FALSE(state.in_history(numbered(2), 1));
    EXPECT_EQ(state.epoch_id(), numbered(11'499));
    EXPECT_TRUE(state.in_history(numbered(11'000), 1002));
}

TEST(StateDeath, EpochsNeverGoDown) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1, 2}, 5)}));
    EXPECT_DEATH(state.set_partition(numbered(7), 0, partition(1, {1, 2}, {1}, 4)), "leader_epoch");
    EXPECT_DEATH(state.set_partition(numbered(7), 0, partition(2, {1, 2}, {1, 2}, 5)), "leader_epoch");
}

TEST(StateDeath, WhoLeadsIsInSyncAndWhoIsInSyncIsAReplica) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1, 2}, 5)}));
    EXPECT_DEATH(state.set_partition(numbered(7), 0, partition(1, {1, 2}, {1, 3}, 5)), "isr");
    EXPECT_DEATH(state.set_partition(numbered(7), 0, partition(2, {1, 2}, {1}, 6)), "isr");
    EXPECT_DEATH(state.set_partition(numbered(7), 0, partition(1, {1, 2}, {}, 5)), "isr");
}

TEST(State, ProducerIdsAreGivenOnce) {
    State state = cluster(1);
    EXPECT_EQ(state.allocate_producer_ids(10), 0);
    EXPECT_EQ(state.allocate_producer_ids(5), 10);
    const io::StoreTransaction transaction = state.take_transaction();
    ASSERT_EQ(transaction.puts.size(), 1u);
    EXPECT_EQ(transaction.puts[0].key, "producer_ids");
    EXPECT_EQ(state.allocate_producer_ids(1), 15);
    EXPECT_EQ(state.dirty_rows(), 1u);
    Arena arena(1 << 12);
    const io::StoreContents last{.revision = 1, .rows = {
        {"cluster", encode_row(ClusterRow{numbered(1)}, arena)},
        {"epoch/0000000001", encode_row(EpochRow{numbered(2), 1}, arena)},
        {"producer_ids", encode_row(ProducerIdsRow{INT64_MAX - 10}, arena)}}};
    State full = State::load(last).value();
    EXPECT_EQ(full.allocate_producer_ids(10), INT64_MAX - 10);
    EXPECT_EQ(full.allocate_producer_ids(10), -1) << "there are no more";
}

}  // namespace
}  // namespace penstock::coordinator
